"""Demo, step 3: the SETR-VPT of step 2, tested zero-shot on phantom ZGT.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_zgt.py']

model = dict(
    backbone=dict(
        arch=dict(embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=256),
        prompt_length=10,
    ),
    decode_head=dict(in_channels=128, channels=16),
)
test_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/zgt', finding='mass'))
