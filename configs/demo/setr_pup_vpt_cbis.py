"""Demo, step 2: SETR-VPT on phantom CBIS-DDSM, shrunk; its backbone is that of step 1.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(
    backbone=dict(
        arch=dict(embed_dims=192, num_layers=6, num_heads=6, feedforward_channels=384),
        prompt_length=10,
        pretrained='demo/work_dirs/setr_pup_screening/epoch_20.pth',
    ),
    decode_head=dict(in_channels=192, channels=32),
)
train_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm'))
val_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm'))
test_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/cbis_ddsm'))
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=20, val_interval=5)
