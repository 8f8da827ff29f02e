"""SETR-VPT that also says whether there is a lesion at all, by a head on class token and prompts."""

_base_ = './setr_pup_vpt.py'

model = dict(
    # The tokens are the last output, behind the feature map.
    backbone=dict(out_tokens=True),
    decode_head=dict(in_index=0),
    presence_head=dict(
        type='PresenceHead',
        in_channels=1024,
        in_indices=1,
        hidden_channels=256,
        dropout_ratio=0.1,
    ),
)
