"""U-Net that also says whether there is a lesion at all, by a head on its bottleneck."""

_base_ = './unet.py'

model = dict(
    presence_head=dict(
        type='PresenceHead',
        # 16 times base_channels of the U-Net.
        in_channels=1024,
        in_indices=0,
        hidden_channels=256,
        dropout_ratio=0.1,
    )
)
