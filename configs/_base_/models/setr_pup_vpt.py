"""SETR-PUP with a frozen ViT-L/16 and 50 deep prompts (thesis IV-D): 5,361,921 trained."""

_base_ = './setr_pup.py'

model = dict(backbone=dict(prompt_length=50, prompt_dropout=0.0, drop_rate=0.0, trainable=''))
