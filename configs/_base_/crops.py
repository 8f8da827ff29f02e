"""What refiners share: crops of CBIS-DDSM, the strong recipe, and no Dice on crops without a lesion.

A child gives crop_head to the decode head of its model.
"""

_base_ = [
    './models/strong_head.py',
    './datasets/cbis_ddsm_crops.py',
    './schedules/strong.py',
]

cross_entropy, dice = _base_.strong_head.loss_decode
crop_head = dict(
    init_cfg=_base_.strong_head.init_cfg, loss_decode=[cross_entropy, dict(dice, normals=False)]
)
# No comparison of whole images by what the network makes of crops.
default_hooks = dict(checkpoint=dict(record_features=False))
