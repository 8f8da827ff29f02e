"""SETR-PUP on ViT-L/16, all of it trained (thesis IV-D): 307,432,705 trained.

One output channel: binary cross-entropy, lesion where the probability is above 0.5.
"""

model = dict(
    type='EncoderDecoder',
    # [0, 255] -> [-1, 1], as the ImageNet-21k ViT was trained.
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(224, 224),
    ),
    backbone=dict(
        type='VPTVisionTransformer',
        # ViT-L, spelt out so that a child config can change one number of it.
        arch=dict(embed_dims=1024, num_layers=24, num_heads=16, feedforward_channels=4096),
        img_size=224,
        patch_size=16,
        prompt_length=0,
        # A regular expression: every parameter of the backbone is trained.
        trainable='.*',
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
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        dropout_ratio=0,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
    ),
    test_cfg=dict(mode='whole'),
)
