"""CBIS-DDSM at 224², CLAHE, no augmentation: as the thesis gives it to U-Net and SETR (IV-C, IV-D).

Made by: python tools/prepare_cbis_ddsm.py RAW data/cbis_ddsm
"""

_base_ = './test_224.py'

# The thesis names no CLAHE parameters; these are ours. scale is (width, height).
train_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(224, 224), keep_ratio=False),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='PackMammogram'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CBISDDSMDataset',
        data_root='data/cbis_ddsm',
        split='train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    # Of several processes, some may have one image more; none is tested twice.
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CBISDDSMDataset',
        data_root='data/cbis_ddsm',
        split='val',
        test_mode=True,
        pipeline=_base_.test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='CBISDDSMDataset',
        data_root='data/cbis_ddsm',
        split='test',
        test_mode=True,
        pipeline=_base_.test_pipeline,
    ),
)
val_evaluator = dict(type='MammographyMetric')
# A test also looks at each lesion; too slow for every epoch's validation.
test_evaluator = dict(type='MammographyMetric', lesions=True)
