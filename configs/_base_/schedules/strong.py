"""AdamW, two epochs of warm-up, a cosine to zero that ends with the last epoch, averaged weights.

Set the length by train_cfg.max_epochs alone: the cosine follows it. The rate of
optim_wrapper.optimizer.lr is the highest one.
"""

_base_ = '../runtime.py'

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, begin=0, end=2, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=0, begin=2, convert_to_iter_based=True),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=60, val_interval=1)
val_cfg = dict(type='LossValLoop')
test_cfg = dict(type='TestLoop')
# What is validated and saved is an average of the weights of about the last ninth of the steps so far,
# and of at most the last hundred: the new weights count max(0.01, 9 / (9 + steps)), by which a short
# training is averaged over less (TensorFlow's ExponentialMovingAverage with num_updates).
default_hooks = dict(
    ema=dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',
        momentum=0.01,
        gamma=9,
        update_buffers=True,
    ),
    # Validates the weights before averaging too, as raw_lesion_dice.
    raw_scores=dict(type='RawScoresHook', scores=('lesion_dice',)),
)
