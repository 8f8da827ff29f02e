"""The SETR of setr_pup_finetune_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_finetune_zgt.py CHECKPOINT_OF_setr_pup_finetune_cbis
Needs:   data/zgt (docs/new_hospital.md).
The thesis reports IoU 9.64 %, Dice 11.14 % on ZGT, over all 206 images; 97 of them are normal,
so that predicting nothing at all scores 47.1 %.
"""

_base_ = ['./_base_/models/setr_pup.py', './_base_/datasets/zgt.py', './_base_/runtime.py']
