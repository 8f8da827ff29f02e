"""SETR with LoRA of rank 8 on queries, keys and values of ViT-L/16 (Hu et al., ICLR 2022).

Train:   python tools/train.py configs/tuning/setr_pup_lora_cbis.py
Test:    python tools/test.py configs/tuning/setr_pup_lora_cbis.py CHECKPOINT [--dataset zgt]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
For comparison with SETR-VPT; not in the thesis. A test needs the pre-trained file too.
"""

_base_ = [
    '../_base_/models/setr_pup_lora.py',
    '../_base_/datasets/cbis_ddsm.py',
    '../_base_/schedules/thesis.py',
]
