"""The thesis's recipe (IV-B): AdamW at 1e-4, β = (0.9, 0.999), ended by the losses themselves.

The rate falls to a tenth after 25 epochs without a better validation loss; training stops after
40 epochs without a better training loss. max_epochs only keeps a run from going on for ever.
"""

_base_ = '../runtime.py'

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999)),
)
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='val_loss',
        rule='less',
        factor=0.1,
        patience=24,  # mmengine bears so many bad epochs and acts on the next, the 25th
        threshold=0.0,  # any improvement counts
    )
]
default_hooks = dict(early_stop=dict(type='EarlyStopOnTrainingLossHook', patience=40))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1000, val_interval=1)
val_cfg = dict(type='LossValLoop')
test_cfg = dict(type='TestLoop')
