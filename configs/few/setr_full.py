"""Few samples: all of a SETR is tuned, its ViT at a tenth of the rate, from a checkpoint.

Train:   python tools/train.py few/setr_full --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/setr_full/best.pth
Needs:   a checkpoint of a SETR, and a prepared folder (docs/few_samples.md).
A ViT has no batch norm; that of the head is in training mode.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(starts=('setr',), backbone_trainable='.*')
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
