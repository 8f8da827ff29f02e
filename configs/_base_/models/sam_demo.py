"""A small SAM at 256², all of it trained from random weights, for the demo."""

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
