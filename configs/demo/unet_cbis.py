"""Demo: a U-Net an eighth as wide, by the strong recipe, on phantom CBIS-DDSM; run with --side 112.

Lesions are masses only, so that it learns within minutes.
Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../strong/unet_strong_cbis.py']

model = dict(backbone=dict(base_channels=8), decode_head=dict(in_channels=8, channels=8))
data = dict(data_root='demo/data/cbis_ddsm', finding='mass')
train_dataloader = dict(batch_size=8, num_workers=1, dataset=data)
val_dataloader = dict(num_workers=1, dataset=data)
test_dataloader = dict(num_workers=1, dataset=data)
optim_wrapper = dict(optimizer=dict(lr=4e-3))
train_cfg = dict(max_epochs=14, val_interval=7)
default_hooks = dict(logger=dict(interval=5), ema=dict(type='NoHook'))
