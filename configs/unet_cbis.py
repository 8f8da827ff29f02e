"""U-Net of the thesis (Tables I and II): from scratch, 224², CLAHE, batch 16, lr 1e-4.

Train:   python tools/train.py configs/unet_cbis.py
Test:    python tools/test.py configs/unet_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md).
The thesis reports IoU 9.11 %, Dice 12.39 % on the CBIS-DDSM test set.
"""

_base_ = [
    './_base_/models/unet.py',
    './_base_/datasets/cbis_ddsm.py',
    './_base_/schedules/thesis.py',
]
