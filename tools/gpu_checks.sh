#!/usr/bin/env bash
# Run every check that needs a GPU, the most important first, within ten minutes.
# Usage: [PYTHON=python3] [SECONDS_LEFT=590] [WEIGHTS=weights] \
#        tools/gpu_checks.sh [--dry-run] OUT [DATA]
#
# OUT   folder of the results, each written as it comes: OUT/summary.tsv, OUT/logs, OUT/*.json, OUT/*.png.
#       The same command again does what is not finished, and goes on with the trainings.
# DATA  folder of prepared images with index.csv; without it phantoms are prepared in OUT/data.
# --dry-run  tiny models, one step each: whether all of it runs, on a CPU too.
#
# A step that fails, or takes longer than it may, does not stop the others. PYTHON is that of the
# environment; WEIGHTS has ViT-L_16.npz (docs/weights.md), without which SETR starts from random weights.
set -uo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"
    exit
fi

USAGE='usage: gpu_checks.sh [--dry-run] OUT [DATA]'
DRY=
if [[ ${1:-} == --dry-run ]]; then
    DRY=1
    shift
fi
OUT=$(realpath -m "${1:?$USAGE}")
DATA=${2:+$(realpath -m "$2")}
ROOT=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-python3}
[[ $PYTHON == */* ]] && PYTHON=$(realpath -s "$PYTHON")
WEIGHTS=$(realpath -m "${WEIGHTS:-$ROOT/weights}")
END=$((SECONDS + ${SECONDS_LEFT:-590}))
UNTIL=$((END - ${SECONDS_LEFT:-590} / 4)) # of the checks; the rest is for the trainings
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
FAILED= # whether a step of this call has; the summary tells of earlier ones too
mkdir -p "$OUT/logs" "$OUT/done"
cd "$ROOT" || exit 1

note() { # step, how it ended, seconds
    printf '%s\t%s\t%s s\n' "$@" | tee -a "$OUT/summary.tsv"
}

check() { # step, the most seconds it may take, command …
    local name=$1 most=$2 left=$((UNTIL - SECONDS)) start=$SECONDS code
    shift 2
    [[ -e $OUT/done/$name ]] && return
    ((left < most)) && most=$left
    if ((most < 5)); then
        note "$name" 'no time left' 0
        return
    fi
    timeout -k 15 -s INT "$most" "$@" >>"$OUT/logs/$name.log" 2>&1 </dev/null
    code=$?
    case $code in
        0) : >"$OUT/done/$name" && note "$name" ok $((SECONDS - start)) ;;
        124 | 137) note "$name" "ended after its time" $((SECONDS - start)) ;;
        *) FAILED=1 && note "$name" "failed ($code), see logs/$name.log" $((SECONDS - start)) ;;
    esac
}

bench() { # step, the most seconds, arguments of mammoseg benchmark; its table goes to the summary too
    local name=$1 most=$2
    shift 2
    [[ -e $OUT/done/$name ]] && return
    rm -f "$OUT/$name.json" "$OUT/$name.png"
    : >"$OUT/logs/$name.log"
    local own=() words=("$@")
    for ((i = 0; i < ${#words[@]}; i++)); do # --out stands before --cfg-options, which takes all that follows
        [[ ${words[i]} == --cfg-options ]] && break
        own+=("${words[i]}")
    done
    check "$name" "$most" "$PYTHON" -m mmseg_mammo benchmark "${own[@]}" \
        --out "$OUT/$name.json" "${words[@]:i}"
    grep -E '^\||products that|with loading' "$OUT/logs/$name.log" | tee -a "$OUT/tables.md"
    echo >>"$OUT/tables.md"
}

STEPS=(--steps 10 --warmup 3)
BF16=optim_wrapper.type=BFloat16OptimWrapper
SETR=() SETR_VPT=() SAM=() UNET=() SIDE=() BATCH=(--batch-size 16) SAM_SIDE=()
SAM_BATCHES=(1 2 4 8 16) BEST_BATCHES=(32 64 128 256) WORKERS=(0 2 4 8 16) LOADERS=()
PATIENTS=120 HEIGHT=1500 DATA_SECONDS=3
if [[ $DRY ]]; then
    STEPS=(--steps 1 --warmup 1) SIDE=(--side 32) SAM_SIDE=(--side 32) BATCH=(--batch-size 2)
    SAM_BATCHES=(1 2) BEST_BATCHES=(1 2) WORKERS=(0 1) PATIENTS=8 HEIGHT=96 DATA_SECONDS=0.2
    SETR=(model.backbone.arch.embed_dims=24 model.backbone.arch.num_layers=2
        model.backbone.arch.num_heads=2 model.backbone.arch.feedforward_channels=48
        model.decode_head.in_channels=24 model.decode_head.channels=8)
    SETR_VPT=(model.backbone.prompt_length=4)
    SAM=(model.image_encoder.arch._delete_=True model.image_encoder.arch.embed_dim=16
        model.image_encoder.arch.depth=2 model.image_encoder.arch.num_heads=2
        model.image_encoder.arch.window_size=3 model.image_encoder.arch.out_chans=32
        model.image_encoder.arch.global_attn_indexes=1,)
    UNET=(model.backbone.base_channels=4 model.decode_head.in_channels=4 model.decode_head.channels=4
        train_cfg.max_epochs=6)
    for split in train val test; do
        LOADERS+=("${split}_dataloader.num_workers=0" "${split}_dataloader.batch_size=2"
            "${split}_dataloader.persistent_workers=False")
    done
fi

if [[ -z $DATA ]]; then # beside the checks that need no images
    DATA=$OUT/data
    (
        [[ -d $OUT/raw ]] || "$PYTHON" -m mmseg_mammo phantom "$OUT/raw" --hospital cbis \
            --patients "$PATIENTS" --height "$HEIGHT"
        [[ -f $DATA/index.csv ]] || "$PYTHON" -m mmseg_mammo prepare-cbis "$OUT/raw" "$DATA" --no-browse
    ) >"$OUT/logs/data.log" 2>&1 </dev/null &
    MAKING=$!
fi
ROOTS=()
for split in train val test; do
    ROOTS+=("${split}_dataloader.dataset.data_root=$DATA")
done

check device 60 "$PYTHON" -c '
import subprocess, torch
from mmseg_mammo.engine.provenance import PACKAGES, versions
subprocess.run("nvidia-smi || true", shell=True)
print("CUDA", torch.version.cuda, torch.cuda.is_available(), versions(PACKAGES))
'
bench setr_bf16 90 train setr_pup_vpt_cbis setr_pup_finetune_cbis --against mmseg "${STEPS[@]}" \
    "${SIDE[@]}" "${BATCH[@]}" --cfg-options "$BF16" "${SETR[@]}"
# Memory of full training (FS), full tuning (FT) and prompts (VPT) is in this one.
bench setr_fp32 90 train setr_pup_vpt_cbis setr_pup_finetune_cbis setr_pup_scratch_cbis \
    --against mmseg --tf32 off "${STEPS[@]}" "${SIDE[@]}" "${BATCH[@]}" --cfg-options "${SETR[@]}" \
    train_dataloader.num_workers=0
bench sam_bf16 120 train sam_finetune_cbis --against segment-anything --batch-size "${SAM_BATCHES[@]}" \
    "${STEPS[@]}" "${SAM_SIDE[@]}" --cfg-options "$BF16" "${SAM[@]}"
bench setr_tf32 60 train setr_pup_vpt_cbis setr_pup_finetune_cbis --against mmseg --tf32 on \
    "${STEPS[@]}" "${SIDE[@]}" "${BATCH[@]}" --cfg-options "${SETR[@]}" train_dataloader.num_workers=0
bench setr_best_batch 60 train setr_pup_vpt_cbis --batch-size "${BEST_BATCHES[@]}" "${STEPS[@]}" \
    "${SIDE[@]}" --cfg-options "$BF16" "${SETR[@]}" "${SETR_VPT[@]}"
check tests 90 "$PYTHON" -m pytest -n 0 -m gpu tests/test_gpu.py tests/datasets/test_handover.py
[[ ${MAKING:-} ]] && timeout $((UNTIL > SECONDS ? UNTIL - SECONDS : 1)) tail --pid="$MAKING" -f /dev/null
bench setr_loader 60 train setr_pup_vpt_cbis --loader "${STEPS[@]}" "${SIDE[@]}" "${BATCH[@]}" \
    --cfg-options "$BF16" "${ROOTS[@]}" "${SETR[@]}" "${LOADERS[@]}"
bench loader 60 data setr_pup_vpt_cbis --seconds "$DATA_SECONDS" --images 128 --workers \
    "${WORKERS[@]}" "${SIDE[@]}" --cfg-options "${ROOTS[@]}" "${SETR[@]}" "${LOADERS[@]}"
bench predict 40 predict setr_pup_vpt_cbis --count 10 "${SIDE[@]}" --cfg-options "${ROOTS[@]}" \
    "${SETR[@]}" "${SETR_VPT[@]}"
GPUS=$(nvidia-smi -L 2>/dev/null | wc -l)
if ((GPUS > 1)) || [[ $DRY ]]; then
    bench processes 90 scale setr_pup_vpt_cbis --processes 1 $((GPUS > 1 ? GPUS : 2)) "${STEPS[@]}" \
        --cfg-options "$BF16" "${SETR[@]}" train_dataloader.batch_size=2
fi

train() { # config, the most seconds, settings …
    local name=$1 most=$2 again=()
    shift 2
    [[ -e $OUT/runs/$name/last_checkpoint ]] && again=(--resume)
    check "train_$name" "$most" "$PYTHON" -m mmseg_mammo train "$name" --amp --work-dir "$OUT/runs/$name" \
        --cache-dir "$OUT/cache" "${again[@]}" "${SIDE[@]}" --cfg-options "${ROOTS[@]}" "$@" "${LOADERS[@]}"
    tail -n 3 "$OUT/logs/train_$name.log"
}

PRETRAINED=model.backbone.pretrained=$WEIGHTS/ViT-L_16.npz
if [[ ! -f $WEIGHTS/ViT-L_16.npz ]]; then
    PRETRAINED=model.backbone.pretrained=None
    echo "No $WEIGHTS/ViT-L_16.npz: SETR trains from random weights"
fi
UNTIL=$END
LEFT=$((END > SECONDS ? END - SECONDS : 0))
train unet_strong_cbis $((LEFT / 2)) "${UNET[@]}"
train setr_pup_vpt_strong_cbis "$LEFT" "$PRETRAINED" "${SETR[@]}" "${SETR_VPT[@]}" \
    ${DRY:+train_cfg.max_epochs=6}
echo "Results: $OUT"
[[ ! $FAILED ]]
