"""The decode head of the strong recipe: to be laid over that of a model, as unet_strong_cbis does."""

strong_head = dict(
    # Lesion pixels are rare: start from a probability of 1 %, to save training time.
    init_cfg=dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name='conv_seg')),
    loss_decode=[
        dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
        dict(type='LesionDiceLoss', loss_weight=1.0),
    ],
)
