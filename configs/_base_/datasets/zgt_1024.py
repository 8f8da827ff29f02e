"""ZGT at 1024² without CLAHE; test only: nothing is trained, tuned or chosen on it (thesis IV-F)."""

_base_ = ['../loaders/zgt.py', './test_1024.py']

test_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.test_pipeline))
