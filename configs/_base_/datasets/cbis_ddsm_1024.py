"""CBIS-DDSM at 1024² without CLAHE, one image at a time: as the thesis gives it to SAM (IV-E)."""

_base_ = ['../loaders/cbis_ddsm.py', './side_1024.py']

train_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=_base_.test_pipeline))
