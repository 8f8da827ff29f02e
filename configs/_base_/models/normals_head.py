"""The decode head of the strong recipe for images without a lesion too: Dice is of the others alone."""

_base_ = './strong_head.py'

# Normals have cross-entropy alone: Dice on them silences the mask.
cross_entropy, dice = _base_.strong_head.loss_decode
normals_head = dict(
    init_cfg=_base_.strong_head.init_cfg, loss_decode=[cross_entropy, dict(dice, normals=False)]
)
