"""ZGT at 224², CLAHE; test only: nothing is trained, tuned or chosen on it (thesis IV-F).

Made by: python tools/prepare_hospital.py data/zgt --table EXPORT/annotations.csv --source zgt
"""

# Equal to the test pipeline of cbis_ddsm.py; a test of the project holds them together.
test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8)),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
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
        pipeline=test_pipeline,
    ),
)
# A test also looks at each lesion; too slow for every epoch's validation.
test_evaluator = dict(type='MammographyMetric', lesions=True)
test_cfg = dict(type='TestLoop')
