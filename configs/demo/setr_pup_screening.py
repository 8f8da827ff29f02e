"""Demo, step 1: a small SETR-PUP, all of it trained on a phantom hospital, to get a backbone.

It stands in for the ImageNet-21k weights, which the demo cannot download. It is no SETR-FS of the
thesis and does without its dropout of 0.1 (model.backbone.drop_rate=0.1 switches it on).
Run by tools/demo.py in 3 minutes on two cores; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=256),
        img_size=224,
        patch_size=16,
        out_type='featmap',
        final_norm=False,
    ),
    decode_head=dict(
        in_channels=128,
        channels=16,
        # Lesion pixels are rare: start from a probability of 1 %, to save training time.
        init_cfg=dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name='conv_seg')),
    ),
)
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='RandomFlip', prob=0.5),
    _base_.train_pipeline[-1],
]
# Masses only: clusters of calcifications cannot be seen at 224².
train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        type='MammographyDataset',
        data_root='demo/data/screening',
        finding='mass',
        pipeline=train_pipeline,
    ),
)
val_dataloader = None
val_cfg = None
val_evaluator = None
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, by_epoch=False, begin=0, end=45),
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, T_max=6),
]
train_cfg = dict(max_epochs=6)
default_hooks = dict(checkpoint=dict(save_best=None))
