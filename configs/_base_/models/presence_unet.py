"""U-Net that also says whether there is a lesion at all, by a head on its bottleneck and last features."""

_base_ = './unet.py'

model = dict(
    presence_head=dict(
        type='PresenceHead',
        # Bottleneck and last features: 16 times and once base_channels of the U-Net.
        in_channels=(1024, 64),
        in_indices=(0, 4),
        hidden_channels=256,
        dropout_ratio=0.1,
    )
)
