"""ZGT at 1024² without CLAHE; test only: nothing is trained, tuned or chosen on it (thesis IV-F)."""

_base_ = './zgt.py'

# Equal to the test pipeline of cbis_ddsm_1024.py; a test of the project holds them together.
test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(1024, 1024), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
