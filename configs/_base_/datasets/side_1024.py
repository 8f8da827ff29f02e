"""How SAM sees an image: 1024², no CLAHE, no augmentation (thesis IV-E)."""

_base_ = './test_1024.py'

train_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(1024, 1024), keep_ratio=False),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
