"""A refiner of a two-stage model: a U-Net with presence head on crops at 128².

Train:   python tools/train.py configs/two_stage/unet_refiner_cbis.py (unet_unet_cbis.py does it)
Test:    python tools/test.py WORK/refiner/best.pth: on crops at the true place.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
"""

_base_ = ['../_base_/models/presence_unet.py', '../_base_/crops.py']

model = dict(data_preprocessor=dict(size=(128, 128)), decode_head=_base_.normals_head)
