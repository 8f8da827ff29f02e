"""SETR-VPT of the thesis (Tables I and II): ViT-L/16, 224², CLAHE, batch 16, lr 1e-4, 50 prompts.

Train:   python tools/train.py configs/setr_pup_vpt_cbis.py
Test:    python tools/test.py configs/setr_pup_vpt_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
Time:    40 s a step of 16 images on two CPU cores with 5.2 GB of memory, the smallest machine tried.
The thesis reports IoU 8.26 %, Dice 11.30 % on the CBIS-DDSM test set.
"""

_base_ = [
    './_base_/models/setr_pup_vpt.py',
    './_base_/datasets/cbis_ddsm.py',
    './_base_/schedules/thesis.py',
]
