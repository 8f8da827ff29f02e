"""Two stages: a U-Net finds places at 224², another segments crops of the full pixels.

Train:   python tools/train.py configs/two_stage/unet_unet_cbis.py [--resume]: both, and the choices on validation.
Test:    python tools/test.py CHECKPOINT [--dataset zgt], work_dirs/unet_unet_cbis/best.pth.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
"""

_base_ = '../_base_/two_stage.py'

stages = dict(
    finder=dict(config='unet_finder_cbis.py', options={}),
    refiner=dict(config='unet_refiner_cbis.py', options={}),
)
