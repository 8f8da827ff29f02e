"""SETR with prompts before the first layer of ViT-L/16 only (VPT-Shallow; Jia et al., ECCV 2022).

Train:   python tools/train.py configs/tuning/setr_pup_vpt_shallow_cbis.py
Test:    python tools/test.py configs/tuning/setr_pup_vpt_shallow_cbis.py CHECKPOINT [--dataset zgt]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
For comparison with SETR-VPT; not in the thesis.
"""

_base_ = ['../setr_pup_vpt_cbis.py']

model = dict(backbone=dict(prompt_depth=1))
