"""What U-Net and SETR share: 224² input, one output channel.

Binary cross-entropy, lesion where the probability is above 0.5 (mmseg's default is 0.3). No
auxiliary head.
"""

model = dict(
    # mmseg's EncoderDecoder; it keeps what the network gave at 224², for comparisons on that grid.
    type='InputGridEncoderDecoder',
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
    decode_head=dict(
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
    ),
    test_cfg=dict(mode='whole'),
)
