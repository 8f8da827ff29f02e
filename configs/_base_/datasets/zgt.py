"""ZGT at 224², CLAHE; test only: nothing is trained, tuned or chosen on it (thesis IV-F)."""

_base_ = ['../loaders/zgt.py', './test_224.py']

test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
