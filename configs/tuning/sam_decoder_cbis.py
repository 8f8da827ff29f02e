"""SAM with a frozen ViT-L, its decoder trained; embeddings are kept on disk (12 GiB).

Train:   python tools/train.py configs/tuning/sam_decoder_cbis.py
Test:    python tools/test.py configs/tuning/sam_decoder_cbis.py CHECKPOINT [--dataset zgt]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Time:    not measured.
For comparison with SAM-FT; not in the thesis. Small checkpoints: docs/weights.md.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    '../_base_/models/sam_decoder.py',
    '../_base_/datasets/cbis_ddsm_1024.py',
    '../_base_/schedules/sam.py',
]
