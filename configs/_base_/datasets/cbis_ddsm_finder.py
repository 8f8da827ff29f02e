"""CBIS-DDSM for a finder: CLAHE at full size, then 224² by area; augmentation, balanced sampling."""

_base_ = '../loaders/cbis_ddsm.py'

# What the finder resizes is what a refiner crops: steps before the resizing are those of
# cbis_ddsm_crops.py before CropAroundLesion.
train_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(224, 224), keep_ratio=False, interpolation='area'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomLesionAffine', prob=0.5, degrees=15.0, scale=(0.7, 1.5), shift=0.05),
    dict(type='RandomIntensity', prob=0.5, gamma=(0.7, 1.5), contrast=0.2, brightness=0.1),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
test_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False, interpolation='area'),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='LesionSizeSampler', power=0.5, limit=4.0, rare_large=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
