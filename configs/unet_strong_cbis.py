"""U-Net by the strong recipe: for the best model, not for the thesis's numbers.

Train:   python tools/train.py configs/unet_strong_cbis.py [--side 512]
Test:    python tools/test.py configs/unet_strong_cbis.py CHECKPOINT [--side 512]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
"""

_base_ = [
    './_base_/models/unet.py',
    './_base_/datasets/cbis_ddsm_strong.py',
    './_base_/schedules/strong.py',
]

model = dict(
    decode_head=dict(
        # Lesion pixels are rare: start from a probability of 1 %, to save training time.
        init_cfg=dict(type='Normal', std=0.01, bias_prob=0.01, override=dict(name='conv_seg')),
        loss_decode=[
            dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
            dict(type='LesionDiceLoss', loss_weight=1.0),
        ],
    ),
)
