#!/usr/bin/env bash
# Test on several GPUs of one or more machines.
# Usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]
# On N machines, start it on each with NNODES=N NODE_RANK=0..N-1 MASTER_ADDR=<the first one>.
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"
    exit
fi

CONFIG=${1:?usage: dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]}
CHECKPOINT=${2:?usage: dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]}
GPUS=${3:?usage: dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]}

torchrun \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    "$(dirname "$0")/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "${@:4}"
