"""SETR-PUP with LoRA of rank 8 on ViT-L/16 (Hu et al., ICLR 2022): 4,919,553 trained."""

_base_ = './setr_pup.py'

# Everything of the ViT is given to mmpretrain's wrapper, which reads the weights when it is built.
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.LoRAModel',
        module={**_base_.model.backbone, 'trainable': '', 'drop_rate': 0.0},
        rank=8,
        alpha=8,
        targets=[dict(type='qkv')],
    )
)
