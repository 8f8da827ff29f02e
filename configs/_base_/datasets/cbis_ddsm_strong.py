"""CBIS-DDSM for the strong recipe: as the thesis's, with augmentation and balanced sampling."""

_base_ = './cbis_ddsm.py'

# Before CLAHE and packing, the last two steps.
train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomLesionAffine', prob=0.5, degrees=15.0, scale=(0.7, 1.5), shift=0.05),
    dict(type='RandomIntensity', prob=0.5, gamma=(0.7, 1.5), contrast=0.2, brightness=0.1),
    *_base_.train_pipeline[-2:],
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='LesionSizeSampler', power=0.5, limit=4.0, rare_large=True),
    dataset=dict(pipeline=train_pipeline),
)
