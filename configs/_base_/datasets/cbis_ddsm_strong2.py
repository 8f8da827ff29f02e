"""CBIS-DDSM for the second edition of the strong recipe: CLAHE, then 96² by area; flips and aspects."""

_base_ = ['../loaders/cbis_ddsm.py']

# CLAHE sees the image at 800 pixels, however large it was prepared.
load = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='ShrinkMammogram', long_side=800),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
]
size = dict(scale=(96, 96), keep_ratio=False, interpolation='area')
pack = dict(type='PackMammogram', one_channel=True, small_masks=True)
train_pipeline = [
    *load,
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', **size),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomLesionAffine',
        prob=0.7,
        degrees=0.0,
        scale=(1.0, 1.0),
        shift=0.05,
        aspect=(0.55, 1.0),
    ),
    pack,
]
test_pipeline = [*load, dict(type='Resize', **size), dict(type='LoadLesionMask'), pack]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='LesionSizeSampler', power=0.5, limit=4.0, rare_large=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
