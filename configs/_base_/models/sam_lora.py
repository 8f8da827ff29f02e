"""SAM with LoRA of rank 8 in the encoder (Hu et al., ICLR 2022) and its decoder: 4,844,772 trained."""

_base_ = './sam.py'

model = dict(
    image_encoder=dict(
        _delete_=True,
        type='mmpretrain.LoRAModel',
        module=dict(type='SAMImageEncoder', arch='large', img_size=1024, checkpointing=False),
        rank=8,
        alpha=8,
        targets=[dict(type='qkv')],
    ),
    trainable=r'\.lora_|^mask_decoder\.',
)
