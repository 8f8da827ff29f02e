"""CBIS-DDSM at 224², CLAHE, no augmentation: as the thesis gives it to U-Net and SETR (IV-C, IV-D)."""

_base_ = ['../loaders/cbis_ddsm.py', './side_224.py']

train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
