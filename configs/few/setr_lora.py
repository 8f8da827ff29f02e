"""Few samples: a SETR gets LoRA of rank 8 in its ViT, which is tuned with the head, from a checkpoint.

Train:   python tools/train.py few/setr_lora --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/setr_lora/best.pth, with CHECKPOINT where it was
Needs:   a checkpoint of a SETR, and a prepared folder (docs/few_samples.md).
The ViT is frozen, with prompts that it has; batch norm of the head is in training mode.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(
    starts=('setr',),
    lora=dict(rank=8, alpha=8, targets=[dict(type='qkv')]),
    new=(r'^backbone\.',),
    replaced=(r'^backbone\.',),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
