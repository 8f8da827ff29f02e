"""SETR with a frozen ViT-L/16 and nothing trained but the head: what prompts are to be measured by.

Train:   python tools/train.py configs/tuning/setr_pup_head_cbis.py
Test:    python tools/test.py configs/tuning/setr_pup_head_cbis.py CHECKPOINT [--dataset zgt]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
For comparison with SETR-VPT; not in the thesis.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(backbone=dict(prompt_length=0))
