"""Demo: the SAM of sam_cbis, tested zero-shot on phantom ZGT; prompts come from the ground truth.

Run by tools/demo.py; phantoms say nothing about patients.
"""

_base_ = [
    '../_base_/models/sam_demo.py',
    '../_base_/loaders/zgt.py',
    '../_base_/datasets/side_256.py',
    '../_base_/runtime.py',
]

test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(pipeline=_base_.test_pipeline, data_root='demo/data/zgt', finding='mass'),
)
