#!/usr/bin/env bash
# Train on a SLURM cluster: one torchrun per node, one process per GPU.
# Usage: [NODES=1] [GPUS_PER_NODE=1] [CPUS_PER_GPU=8] [SRUN_ARGS="--time=24:00:00"] \
#        tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"
    exit
fi

USAGE='usage: slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]'
PARTITION=${1:?$USAGE}
JOB_NAME=${2:?$USAGE}
CONFIG=${3:?$USAGE}
NODES=${NODES:-1}
GPUS_PER_NODE=${GPUS_PER_NODE:-1}
TOOLS=$(cd "$(dirname "$0")" && pwd)

# The rendezvous is on the first node of the allocation; its name is known inside srun only.
# shellcheck disable=SC2016,SC2086
srun --partition="$PARTITION" --job-name="$JOB_NAME" \
    --nodes="$NODES" --ntasks="$NODES" --ntasks-per-node=1 \
    --gres="gpu:$GPUS_PER_NODE" --cpus-per-task=$((GPUS_PER_NODE * ${CPUS_PER_GPU:-8})) \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    bash -c '
        first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
        port=${PORT:-$((20000 + SLURM_JOB_ID % 20000))}
        exec torchrun --nnodes="$SLURM_NNODES" --nproc_per_node="$0" \
            --rdzv_id="$SLURM_JOB_ID" --rdzv_backend=c10d --rdzv_endpoint="$first:$port" \
            "$@" --launcher pytorch
    ' "$GPUS_PER_NODE" "$TOOLS/train.py" "$CONFIG" "${@:4}"
