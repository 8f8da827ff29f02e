"""U-Net of the thesis's Appendix A (Table III): Adam instead of AdamW.

Train:   python tools/train.py configs/unet_adam_cbis.py
Test:    python tools/test.py configs/unet_adam_cbis.py CHECKPOINT
The thesis reports IoU 10.30 %, Dice 13.70 %.
"""

_base_ = ['./unet_cbis.py']

optim_wrapper = dict(optimizer=dict(type='Adam'))
