"""The finder of a two-stage model: a U-Net on the whole image at 224², CLAHE at full size.

Train:   python tools/train.py configs/two_stage/unet_finder_cbis.py (unet_unet_cbis.py does it)
Test:    python tools/test.py WORK/finder/best.pth: one stage, beside the two.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
"""

_base_ = [
    '../_base_/models/unet.py',
    '../_base_/models/strong_head.py',
    '../_base_/datasets/cbis_ddsm_finder.py',
    '../_base_/schedules/strong.py',
]

model = dict(decode_head=_base_.strong_head)
