"""How U-Net and SETR see an image when they are tested: 224², CLAHE (thesis IV-C, IV-D)."""

# The mask is loaded after the resizing, so that it is compared on its own grid.
test_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
