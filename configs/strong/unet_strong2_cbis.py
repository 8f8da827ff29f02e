"""U-Net by the second edition of the strong recipe, for other hospitals: CLAHE before a small input.

Train:   python tools/train.py configs/strong/unet_strong2_cbis.py [--side 128]
Test:    python tools/test.py configs/strong/unet_strong2_cbis.py CHECKPOINT [--dataset zgt] [--side 128]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
"""

_base_ = [
    '../_base_/models/unet.py',
    '../_base_/models/strong_head.py',
    '../_base_/datasets/cbis_ddsm_strong2.py',
    '../_base_/schedules/strong.py',
]

model = dict(decode_head=_base_.strong_head, data_preprocessor=dict(size=(96, 96)))
