"""The same U-Net, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/unet_zgt.py CHECKPOINT_OF_unet_cbis
Needs:   data/zgt (docs/new_hospital.md).
The thesis reports IoU 31.91 %, Dice 33.18 % on ZGT, over all 206 images; 97 of them are normal,
so that predicting nothing at all scores 47.1 %.
"""

_base_ = ['./_base_/models/unet.py', './_base_/datasets/zgt.py', './_base_/runtime.py']
