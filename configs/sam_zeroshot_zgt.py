"""SAM-ZS of the thesis on an unseen hospital: ViT-L as Meta trained it, 1024², no CLAHE.

Test:    python tools/test.py configs/sam_zeroshot_zgt.py weights/sam_vit_l_0b3195.pth
Needs:   data/zgt (docs/new_hospital.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Time:    not measured.
The thesis reports IoU 0.52 %, Dice 0.96 % on ZGT, over all 206 images; 97 of them are normal,
so that predicting nothing at all scores 47.1 %.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    './_base_/models/sam_zeroshot.py',
    './_base_/datasets/zgt_1024.py',
    './_base_/runtime.py',
]
