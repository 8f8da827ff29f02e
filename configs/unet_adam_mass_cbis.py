"""U-Net of the thesis's Appendix A (Table III), trained and tested on masses only.

Train:   python tools/train.py configs/unet_adam_mass_cbis.py
Test:    python tools/test.py configs/unet_adam_mass_cbis.py CHECKPOINT
The thesis reports IoU 15.13 %, Dice 19.95 %, and quotes 27 % and 41 % of Sarker et al.
"""

_base_ = ['./unet_adam_cbis.py']

train_dataloader = dict(dataset=dict(finding='mass'))
val_dataloader = dict(dataset=dict(finding='mass'))
test_dataloader = dict(dataset=dict(finding='mass'))
