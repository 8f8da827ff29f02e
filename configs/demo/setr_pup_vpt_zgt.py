"""Demo, step 3: the SETR-VPT of step 2, tested zero-shot on phantom ZGT.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../setr_pup_vpt_zgt.py']

model = dict(
    backbone=dict(
        arch=dict(embed_dims=192, num_layers=6, num_heads=6, feedforward_channels=384),
        prompt_length=10,
    ),
    decode_head=dict(in_channels=192, channels=32),
)
test_dataloader = dict(num_workers=1, dataset=dict(data_root='demo/data/zgt'))
