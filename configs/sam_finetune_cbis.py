"""SAM-FT of the thesis (Tables I and II): ViT-L, 1024², no CLAHE, batch 1, lr 1e-4, all trained.

Train:   python tools/train.py configs/sam_finetune_cbis.py
Test:    python tools/test.py configs/sam_finetune_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Time:    not measured. The thesis had an NVIDIA A40 of 48 GB.
The thesis reports IoU 27.42 %, Dice 39.84 % on the CBIS-DDSM test set, and 8.0 GB of GPU memory.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    './_base_/models/sam.py',
    './_base_/datasets/cbis_ddsm_1024.py',
    './_base_/schedules/sam.py',
]
