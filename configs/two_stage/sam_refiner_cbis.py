"""A refiner of a two-stage model: SAM with an object score on crops at 1024², clicked on the peak.

Train:   python tools/train.py configs/two_stage/sam_refiner_cbis.py (unet_sam_cbis.py does it)
Test:    python tools/test.py WORK/refiner/best.pth: on crops at the true place, clicked by the truth.
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Clicks of the training are anywhere in the lesion, as a finder's peaks are; those of crops without a
lesion are in the breast, and have to end empty.
"""

_base_ = [
    '../_base_/models/sam_absence.py',
    '../_base_/datasets/cbis_ddsm_crops.py',
    '../_base_/schedules/sam.py',
]

side = dict(type='ResizeMammogram', scale=(1024, 1024), interpolation='area', compare_on='input')
train_pipeline = [*_base_.train_pipeline[:5], side, *_base_.train_pipeline[6:]]
test_pipeline = [*_base_.test_pipeline[:5], side, *_base_.test_pipeline[6:]]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=1, dataset=dict(pipeline=test_pipeline))
# No comparison of whole images by what the network makes of crops.
default_hooks = dict(checkpoint=dict(record_features=False))
