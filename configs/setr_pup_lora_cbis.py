"""SETR with LoRA of rank 8 on queries, keys and values of ViT-L/16 (Hu et al., ICLR 2022).

Train:   python tools/train.py configs/setr_pup_lora_cbis.py
Test:    python tools/test.py configs/setr_pup_lora_cbis.py CHECKPOINT
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) and weights/ViT-L_16.npz (docs/weights.md).
For comparison with SETR-VPT; not in the thesis. A test needs the pre-trained file too.
"""

_base_ = ['./setr_pup_vpt_cbis.py']

# Everything of the ViT is given to mmpretrain's wrapper, which reads the weights when it is built.
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.LoRAModel',
        module=dict(
            type='VPTVisionTransformer',
            arch=dict(embed_dims=1024, num_layers=24, num_heads=16, feedforward_channels=4096),
            img_size=224,
            patch_size=16,
            prompt_length=0,
            pretrained='weights/ViT-L_16.npz',
        ),
        rank=8,
        alpha=8,
        targets=[dict(type='qkv')],
    )
)
