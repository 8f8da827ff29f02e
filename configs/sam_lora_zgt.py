"""The SAM of sam_lora_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/sam_lora_zgt.py CHECKPOINT_OF_sam_lora_cbis
Needs:   data/zgt (docs/new_hospital.md).
Time:    not measured.
Prompts come from the ground truth (its innermost point): such numbers do not compare with those
of models without prompts.
"""

_base_ = [
    './_base_/models/sam_lora.py',
    './_base_/datasets/zgt_1024.py',
    './_base_/runtime.py',
]
