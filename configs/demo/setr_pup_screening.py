"""Demo, step 1: a small SETR-PUP, all of it trained on a phantom hospital, to get a backbone.

It stands in for the ImageNet-21k weights, which the demo cannot download.
Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.VisionTransformer',
        arch=dict(embed_dims=192, num_layers=6, num_heads=6, feedforward_channels=384),
        img_size=224,
        patch_size=16,
        out_type='featmap',
        final_norm=False,
    ),
    decode_head=dict(in_channels=192, channels=32),
)
train_dataloader = dict(
    num_workers=1,
    dataset=dict(type='MammographyDataset', data_root='demo/data/screening'),
)
val_dataloader = None
val_cfg = None
val_evaluator = None
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=20)
default_hooks = dict(checkpoint=dict(save_best=None))
