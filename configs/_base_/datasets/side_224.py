"""How U-Net and SETR see an image: 224², CLAHE, no augmentation (thesis IV-C, IV-D)."""

_base_ = './test_224.py'

# The thesis names no CLAHE parameters; these are ours. scale is (width, height).
train_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(224, 224), keep_ratio=False),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
