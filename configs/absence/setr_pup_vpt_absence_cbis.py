"""SETR-VPT by the strong recipe, with a head that says whether there is a lesion at all.

Train:   python tools/train.py configs/absence/setr_pup_vpt_absence_cbis.py [--side 512]
Test:    python tools/test.py configs/absence/setr_pup_vpt_absence_cbis.py CHECKPOINT [--dataset zgt] [--side 512]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) with its cuts, data/cbis_sides and data/cbis_windows (docs/absence.md) and weights/ViT-L_16.npz (docs/weights.md).
"""

_base_ = [
    '../_base_/models/presence_vpt.py',
    '../_base_/models/strong_head.py',
    '../_base_/datasets/cbis_ddsm_strong.py',
    '../_base_/schedules/strong.py',
]

# Normals have cross-entropy alone: Dice on them silences the mask.
cross_entropy, dice = _base_.strong_head.loss_decode
model = dict(
    decode_head=dict(
        init_cfg=_base_.strong_head.init_cfg, loss_decode=[cross_entropy, dict(dice, normals=False)]
    )
)
# CBIS-DDSM has no normal images: these are cuts of its images, made by mammoseg lesion-free.
cuts = dict(normal_sources=['data/cbis_sides', 'data/cbis_windows'])
train_dataloader = dict(dataset=cuts, sampler=dict(normal_share=0.2))
val_dataloader = dict(dataset=cuts)

# After each validation: which images a checkpoint closes, so that 95 % of those with a lesion stay open.
default_hooks = dict(presence=dict(type='PresenceThresholdHook', target='sensitivity=0.95'))
