"""Few samples: of a U-Net the biases, the norm layers and the classifier are tuned, from a checkpoint.

Train:   python tools/train.py few/unet_bias --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/unet_bias/best.pth
Needs:   a checkpoint of a U-Net, and a prepared folder (docs/few_samples.md).
All norm layers are trained, and in training mode: their statistics become those of the new images.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(
    starts=('unet', 'other'), trainable=r'\.bias$|(\.bn|norm)\d*\.weight$|\.conv_seg\.weight$'
)
optim_wrapper = dict(optimizer=dict(lr=3e-3))
