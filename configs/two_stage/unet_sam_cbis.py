"""Two stages: a U-Net finds places at 224², SAM segments crops of the full pixels, clicked there.

Train:   python tools/train.py configs/two_stage/unet_sam_cbis.py [--resume]: both, and the choices on validation.
Test:    python tools/test.py CHECKPOINT [--dataset zgt], work_dirs/unet_sam_cbis/best.pth.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
"""

_base_ = '../_base_/two_stage.py'

stages = dict(
    finder=dict(config='unet_finder_cbis.py', options={}),
    refiner=dict(config='sam_refiner_cbis.py', options={}),
)
