"""Demo, step 2: SETR-VPT on phantom CBIS-DDSM, shrunk; its backbone is that of step 1.

The rate is higher and lesions are masses only, so that it learns within minutes.
Run by tools/demo.py in 1 minute on two cores; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(
    backbone=dict(
        arch=dict(embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=256),
        prompt_length=10,
        pretrained='demo/work_dirs/setr_pup_screening/epoch_6.pth',
    ),
    decode_head=dict(
        in_channels=128,
        channels=16,
        init_cfg=dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name='conv_seg')),
    ),
)
train_dataloader = dict(
    num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm', finding='mass')
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm', finding='mass'))
test_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm', finding='mass'))
optim_wrapper = dict(optimizer=dict(lr=3e-3))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True, T_max=12)
]
train_cfg = dict(max_epochs=12, val_interval=6)
default_hooks = dict(logger=dict(interval=5))
