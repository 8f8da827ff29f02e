"""Two stages: a U-Net finds places at 224², SETR-VPT segments crops of the full pixels.

Train:   python tools/train.py configs/two_stage/unet_setr_vpt_cbis.py [--resume]: both, and the choices on validation.
Test:    python tools/test.py CHECKPOINT [--dataset zgt], work_dirs/unet_setr_vpt_cbis/best.pth.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
"""

_base_ = '../_base_/two_stage.py'

stages = dict(
    finder=dict(config='unet_finder_cbis.py', options={}),
    refiner=dict(config='setr_vpt_refiner_cbis.py', options={}),
)
