"""What U-Net and SETR with presence share: the strong recipe, cuts as normals, a threshold.

A child gives normals_head to the decode head of its model.
"""

_base_ = [
    './models/normals_head.py',
    './datasets/cbis_ddsm_strong.py',
    './schedules/strong.py',
]

# CBIS-DDSM has no normal images: these are cuts of its images, made by mammoseg lesion-free.
cuts = dict(normal_sources=['data/cbis_sides', 'data/cbis_windows'])
train_dataloader = dict(dataset=cuts, sampler=dict(normal_share=0.2))
val_dataloader = dict(dataset=cuts)

# After each validation: which images a checkpoint closes, so that 95 % of those with a lesion stay open.
default_hooks = dict(presence=dict(type='PresenceThresholdHook', target='sensitivity=0.95'))
