"""The SETR of setr_pup_lora_cbis, tested zero-shot on an unseen hospital; no training.

Test:    python tools/test.py configs/setr_pup_lora_zgt.py CHECKPOINT_OF_setr_pup_lora_cbis
Needs:   data/zgt (docs/new_hospital.md).
"""

_base_ = ['./setr_pup_vpt_zgt.py']

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
