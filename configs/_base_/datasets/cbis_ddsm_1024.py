"""CBIS-DDSM at 1024² without CLAHE, one image at a time: as the thesis gives it to SAM (IV-E)."""

_base_ = './cbis_ddsm.py'

train_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='PackMammogram'),
]
test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
