"""SETR-PUP with LoRA of rank 8 on ViT-L/16 (Hu et al., ICLR 2022): 4,919,553 trained."""

_base_ = './setr_pup.py'

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
