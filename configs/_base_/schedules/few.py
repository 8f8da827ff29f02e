"""For few images, from a checkpoint: steps, warm-up, cosine to zero, short averaging, no early stop.

Set the length by train_cfg.max_iters alone, to 21 or more: the cosine begins at step 20 and follows
it. What the start has trained already learns at optim_wrapper.optimizer.lr, what is new at
tuning.new_rate times that. The last weights count: few validation images would choose by chance. Only
a few-config inherits this file, and mammoseg train CONFIG --from CHECKPOINT --data FOLDER completes it.
"""

_base_ = '../runtime.py'

tuning = dict(
    new_rate=10.0,
    # Of heads with one output channel. Dice on images without a lesion would silence the mask.
    loss=[
        dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
        dict(type='LesionDiceLoss', loss_weight=1.0, normals=False),
    ],
    # Directly behind the resizing. No lesion inside the image is lost.
    augmentation=[
        dict(type='RandomFlip', prob=0.5),
        dict(type='RandomLesionAffine', prob=0.8, degrees=20.0, scale=(0.7, 1.5), shift=0.1),
        dict(type='RandomIntensity', prob=0.8, gamma=(0.6, 1.7), contrast=0.3, brightness=0.15),
    ],
    # Tests and predictions take the mean over four mirror images, in four times the time; not of SAM.
    flips=True,
)
# Images come without end: workers start once, and each draw of an image is augmented anew.
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='EndlessSampler'),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), weight_decay=0.01),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, begin=0, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=20, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=300, val_interval=50)
val_cfg = dict(type='LossValLoop')
test_cfg = dict(type='TestLoop')
log_processor = dict(by_epoch=False)
default_hooks = dict(
    logger=dict(interval=10, log_metric_by_epoch=False),
    # The last one counts, and is best.pth.
    checkpoint=dict(by_epoch=False, interval=50, max_keep_ckpts=1, save_best=None),
    # The last twenty steps or so.
    ema=dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',
        momentum=0.05,
        gamma=9,
        update_buffers=True,
    ),
    raw_scores=dict(type='RawScoresHook', scores=('lesion_dice',)),
)
