"""Few samples: prompts and head of a SETR are tuned, from a checkpoint; a ViT without prompts gets some.

Train:   python tools/train.py few/setr_vpt --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/setr_vpt/best.pth
Needs:   a checkpoint of a SETR, and a prepared folder (docs/few_samples.md).
The ViT is frozen and in eval mode; batch norm of the head is in training mode.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(starts=('setr',), prompts=dict(prompt_length=50))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
