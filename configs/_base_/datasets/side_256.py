"""How the demo's SAM sees an image: 256², no CLAHE; flips in training."""

train_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
# The mask is loaded after the resizing, so that it is compared on its own grid.
test_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
