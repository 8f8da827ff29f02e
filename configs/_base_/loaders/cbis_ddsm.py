"""The three splits of CBIS-DDSM and their metrics, without their pipelines.

Made by: python tools/prepare_cbis_ddsm.py RAW data/cbis_ddsm
"""

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CBISDDSMDataset',
        data_root='data/cbis_ddsm',
        split='train',
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
    ),
)
val_evaluator = dict(type='MammographyMetric')
# A test also looks at each lesion; too slow for every epoch's validation.
test_evaluator = dict(type='MammographyMetric', lesions=True)
