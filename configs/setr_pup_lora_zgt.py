"""The SETR of setr_pup_lora_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_lora_zgt.py CHECKPOINT_OF_setr_pup_lora_cbis
Needs:   data/zgt (docs/new_hospital.md).
"""

_base_ = [
    './_base_/models/setr_pup_lora.py',
    './_base_/datasets/zgt.py',
    './_base_/runtime.py',
]
