"""How SAM sees an image: 1024², no CLAHE, no augmentation (thesis IV-E)."""

train_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(1024, 1024), keep_ratio=False),
    dict(type='PackMammogram'),
]
# The mask is loaded after the resizing, so that it is compared on its own grid.
test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
