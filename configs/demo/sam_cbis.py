"""Demo: a small SAM on phantom CBIS-DDSM, all of it trained from random weights.

The rate is higher, the input 256² and lesions are masses only, so that it learns within minutes.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts. Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = [
    '../_base_/models/sam_demo.py',
    '../_base_/loaders/cbis_ddsm.py',
    '../_base_/datasets/side_256.py',
    '../_base_/schedules/sam.py',
]

data = dict(data_root='demo/data/cbis_ddsm', finding='mass')
train_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=_base_.train_pipeline, **data)
)
val_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=_base_.test_pipeline, **data)
)
test_dataloader = dict(
    batch_size=8, num_workers=1, dataset=dict(pipeline=_base_.test_pipeline, **data)
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, T_max=12),
]
train_cfg = dict(max_epochs=12, val_interval=6)
default_hooks = dict(logger=dict(interval=10))
