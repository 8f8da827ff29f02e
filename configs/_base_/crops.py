"""What refiners share: crops of CBIS-DDSM, the strong recipe, and no Dice on crops without a lesion.

A child gives normals_head to the decode head of its model.
"""

_base_ = [
    './models/normals_head.py',
    './datasets/cbis_ddsm_crops.py',
    './schedules/strong.py',
]

# No comparison of whole images by what the network makes of crops.
default_hooks = dict(checkpoint=dict(record_features=False))
