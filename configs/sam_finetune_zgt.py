"""The SAM of sam_finetune_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/sam_finetune_zgt.py CHECKPOINT_OF_sam_finetune_cbis
Needs:   data/zgt (docs/new_hospital.md).
Time:    not measured.
The thesis reports IoU 13.70 %, Dice 19.20 % on ZGT, over all 206 images; 97 of them are normal,
so that predicting nothing at all scores 47.1 %.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    './_base_/models/sam.py',
    './_base_/datasets/zgt_1024.py',
    './_base_/runtime.py',
]
