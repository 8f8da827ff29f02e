"""CBIS-DDSM for a refiner: crops of full-size images, half of them on a lesion, at 128².

A training of two stages gives CropAroundLesion the finder's candidates, and its share or
millimetres by model.crop; a validation crop is the largest lesion's.
"""

_base_ = '../loaders/cbis_ddsm.py'

train_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='LoadLesionMask'),
    dict(
        type='CropAroundLesion',
        share=0.28,
        jitter=0.2,
        scale_jitter=0.2,
        lesion_share=0.5,
        candidate_share=0.3,
    ),
    dict(type='ResizeMammogram', scale=(128, 128), interpolation='area', compare_on='input'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomIntensity', prob=0.5, gamma=(0.7, 1.5), contrast=0.2, brightness=0.1),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
test_pipeline = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='LoadLesionMask'),
    dict(type='CropAroundLesion', share=0.28, random=False),
    dict(type='ResizeMammogram', scale=(128, 128), interpolation='area', compare_on='input'),
    dict(type='PackMammogram', one_channel=True, small_masks=True),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
