"""SETR-VPT by the strong recipe: for the best model, not for the thesis's numbers.

Train:   python tools/train.py configs/strong/setr_pup_vpt_strong_cbis.py [--side 512]
Test:    python tools/test.py configs/strong/setr_pup_vpt_strong_cbis.py CHECKPOINT [--dataset zgt] [--side 512]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
"""

_base_ = [
    '../_base_/models/setr_pup_vpt.py',
    '../_base_/models/strong_head.py',
    '../_base_/datasets/cbis_ddsm_strong.py',
    '../_base_/schedules/strong.py',
]

model = dict(decode_head=_base_.strong_head)
