"""The SAM of sam_finetune_sam2_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/sam_finetune_sam2_zgt.py CHECKPOINT_OF_sam_finetune_sam2_cbis
Needs:   data/zgt (docs/new_hospital.md).
Time:    not measured.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = ['./sam_finetune_zgt.py']
