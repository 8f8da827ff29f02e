"""SAM with an object score: a click where there is no lesion ends empty.

Train:   python tools/train.py configs/absence/sam_absence_cbis.py
Test:    python tools/test.py configs/absence/sam_absence_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/sam_vit_l_0b3195.pth (docs/weights.md).
Time:    not measured.
For comparison with SAM-FT; not in the thesis. Clicks without a lesion are on the background of images
with one, as CBIS-DDSM has no others. No click is closed before a threshold is chosen
(model.test_output.presence_threshold; docs/sam.md).
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    '../_base_/models/sam_absence.py',
    '../_base_/datasets/cbis_ddsm_1024.py',
    '../_base_/schedules/sam.py',
]
