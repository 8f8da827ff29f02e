"""A refiner of a two-stage model: SETR-VPT with presence head on crops at 224².

Train:   python tools/train.py configs/two_stage/setr_vpt_refiner_cbis.py (unet_setr_vpt_cbis.py does it)
Test:    python tools/test.py WORK/refiner/best.pth: on crops at the true place.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
"""

_base_ = ['../_base_/models/presence_vpt.py', '../_base_/crops.py']

model = dict(decode_head=_base_.normals_head)
side = dict(type='ResizeMammogram', scale=(224, 224), interpolation='area', compare_on='input')
train_pipeline = [*_base_.train_pipeline[:5], side, *_base_.train_pipeline[6:]]
test_pipeline = [*_base_.test_pipeline[:5], side, *_base_.test_pipeline[6:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
