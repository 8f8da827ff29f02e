"""U-Net of MMSegmentation, 5 stages from 64 channels (thesis IV-D): 28,986,561 trained."""

_base_ = './binary.py'

model = dict(
    backbone=dict(type='UNet', in_channels=3, base_channels=64, norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        in_index=4,
        channels=64,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
    ),
)
