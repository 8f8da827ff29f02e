"""SETR-FS of the thesis (Tables I and II): ViT-L/16 from scratch, 224², CLAHE, batch 16, lr 1e-4.

Train:   python tools/train.py configs/setr_pup_scratch_cbis.py
Test:    python tools/test.py configs/setr_pup_scratch_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
The thesis reports IoU 4.50 %, Dice 6.69 % on the CBIS-DDSM test set.
"""

_base_ = [
    './_base_/models/setr_pup.py',
    './_base_/datasets/cbis_ddsm.py',
    './_base_/schedules/thesis.py',
]

model = dict(backbone=dict(pretrained=None))
