"""SETR-PUP on ViT-L/16, all of it trained (thesis IV-D): 307,432,705 trained."""

_base_ = './binary.py'

model = dict(
    backbone=dict(
        type='VPTVisionTransformer',
        # ViT-L, spelt out so that a child config can change one number of it.
        arch=dict(embed_dims=1024, num_layers=24, num_heads=16, feedforward_channels=4096),
        img_size=224,
        patch_size=16,
        prompt_length=0,
        # A regular expression: every parameter of the backbone is trained.
        trainable='.*',
        # After the position embedding, each attention and each layer of an MLP, as in mmseg's own
        # SETR-PUP, on which the thesis built; frozen and partly frozen ViTs set it to 0.
        drop_rate=0.1,
        # The ImageNet-21k weights of Dosovitskiy et al.; docs/weights.md.
        pretrained='weights/ViT-L_16.npz',
    ),
    decode_head=dict(
        type='SETRUPHead',
        in_channels=1024,
        channels=256,
        num_convs=4,
        up_scale=2,
        kernel_size=3,
        dropout_ratio=0,
        norm_cfg=dict(type='BN'),
    ),
)
