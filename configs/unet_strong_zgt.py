"""The U-Net of the strong recipe, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/unet_strong_zgt.py CHECKPOINT_OF_unet_strong_cbis
Needs:   data/zgt (docs/new_hospital.md).
"""

_base_ = ['./unet_zgt.py']
