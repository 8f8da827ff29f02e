"""The SETR-VPT of the strong recipe, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_vpt_strong_zgt.py CHECKPOINT
Needs:   data/zgt (docs/new_hospital.md).
"""

_base_ = ['./setr_pup_vpt_zgt.py']
