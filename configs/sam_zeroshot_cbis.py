"""SAM-ZS of the thesis (Tables I and II): ViT-L as Meta trained it, 1024², no CLAHE.

Test:    python tools/test.py configs/sam_zeroshot_cbis.py weights/sam_vit_l_0b3195.pth
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Time:    not measured. The thesis needed 4.4 GB of GPU memory, of an NVIDIA A40 of 48 GB.
The thesis reports IoU 2.05 %, Dice 3.60 % on the CBIS-DDSM test set.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    './_base_/models/sam_zeroshot.py',
    './_base_/datasets/cbis_ddsm_1024.py',
    './_base_/runtime.py',
]

# Nothing is trained: a test only.
train_dataloader = None
val_dataloader = None
val_evaluator = None
test_cfg = dict(type='TestLoop')
