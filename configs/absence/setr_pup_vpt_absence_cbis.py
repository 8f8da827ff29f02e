"""SETR-VPT by the strong recipe, with a head that says whether there is a lesion at all.

Train:   python tools/train.py configs/absence/setr_pup_vpt_absence_cbis.py [--side 512]
Test:    python tools/test.py configs/absence/setr_pup_vpt_absence_cbis.py CHECKPOINT [--dataset zgt] [--side 512]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
"""

_base_ = [
    '../_base_/models/presence_vpt.py',
    '../_base_/models/strong_head.py',
    '../_base_/datasets/cbis_ddsm_strong.py',
    '../_base_/schedules/strong.py',
]

model = dict(decode_head=_base_.strong_head)

# After each validation: which images a checkpoint closes, so that 95 % of those with a lesion stay open.
default_hooks = dict(presence=dict(type='PresenceThresholdHook', target='sensitivity=0.95'))
