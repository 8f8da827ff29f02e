"""Demo: the SAM of sam_cbis, tested zero-shot on phantom ZGT; prompts come from the ground truth.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = ['../sam_finetune_zgt.py']

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
test_pipeline = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False),
    dict(type='LoadLesionMask'),
    dict(type='PackMammogram'),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(pipeline=test_pipeline, data_root='demo/data/zgt', finding='mass'),
)
