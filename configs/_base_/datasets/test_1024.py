"""How SAM sees an image when it is tested: 1024², no CLAHE (thesis IV-E)."""

# The mask is loaded after the resizing, so that it is compared on its own grid.
test_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
