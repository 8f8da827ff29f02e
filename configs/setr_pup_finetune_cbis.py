"""SETR-FT of the thesis (Tables I and II): ViT-L/16 pre-trained, all of it trained, decoder lr ×10.

Train:   python tools/train.py configs/setr_pup_finetune_cbis.py
Test:    python tools/test.py configs/setr_pup_finetune_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
The thesis reports IoU 7.95 %, Dice 11.36 % on the CBIS-DDSM test set.
"""

_base_ = [
    './_base_/models/setr_pup.py',
    './_base_/datasets/cbis_ddsm.py',
    './_base_/schedules/thesis.py',
]

optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10))))
