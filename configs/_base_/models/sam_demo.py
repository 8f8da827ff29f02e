"""A small SAM at 256², all of it trained from random weights, and its pipelines: for the demo."""

_base_ = './sam.py'

model = dict(
    data_preprocessor=dict(size=(256, 256)),
    image_encoder=dict(
        arch=dict(
            _delete_=True,
            embed_dim=96,
            depth=4,
            num_heads=4,
            global_attn_indexes=(1, 3),
            window_size=8,
            out_chans=64,
        ),
        img_size=256,
    ),
    pretrained=None,
)
demo_train_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(256, 256), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackMammogram'),
]
demo_test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
