"""ZGT's test split and its metric, without its pipeline.

Made by: python tools/prepare_hospital.py data/zgt --table EXPORT/annotations.csv --source zgt
"""

test_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    # Of several processes, some may have one image more; none is tested twice.
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='ZGTDataset',
        data_root='data/zgt',
        split='test',
        test_mode=True,
    ),
)
# A test also looks at each lesion; too slow for every epoch's validation.
test_evaluator = dict(type='MammographyMetric', lesions=True)
test_cfg = dict(type='TestLoop')
