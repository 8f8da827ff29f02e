"""SAM-FT with the choice of SAM 2: the best mask learns, every candidate learns its IoU.

Train:   python tools/train.py configs/sam/sam_finetune_sam2_cbis.py
Test:    python tools/test.py configs/sam/sam_finetune_sam2_cbis.py CHECKPOINT [--dataset zgt]
Needs:   as sam_finetune_cbis.
Time:    not measured.
The thesis reports no numbers of it.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = ['../sam_finetune_cbis.py']

model = dict(loss=dict(select_by='mask', iou_for='all'))
