"""Demo: the U-Net of unet_cbis, tested zero-shot on phantom ZGT; run with --side 112.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../unet_zgt.py']

model = dict(backbone=dict(base_channels=8), decode_head=dict(in_channels=8, channels=8))
test_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/zgt', finding='mass'))
