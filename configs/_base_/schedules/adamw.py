"""AdamW at 1e-4, β = (0.9, 0.999) (thesis IV-B), for 200 epochs.

The rate stays constant and nothing stops early: the plateau rules of IV-B are not in this schedule.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999)),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
