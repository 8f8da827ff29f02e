"""The same SETR-VPT, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_vpt_zgt.py CHECKPOINT_OF_setr_pup_vpt_cbis
Needs:   data/zgt (docs/new_hospital.md).
Time:    about 1 s an image on two CPU cores.
The thesis reports IoU 15.44 %, Dice 16.97 % on ZGT, over all 206 images; 97 of them are normal,
so that predicting nothing at all scores 47.1 %.
"""

_base_ = [
    './_base_/models/setr_pup_vpt.py',
    './_base_/datasets/zgt.py',
    './_base_/runtime.py',
]
