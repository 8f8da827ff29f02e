"""The SETR of setr_pup_head_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_head_zgt.py CHECKPOINT_OF_setr_pup_head_cbis
Needs:   data/zgt (docs/new_hospital.md).
"""

_base_ = ['./setr_pup_vpt_zgt.py']

model = dict(backbone=dict(prompt_length=0))
