"""Few samples: all of a U-Net is tuned, from a checkpoint.

Train:   python tools/train.py few/unet_full --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/unet_full/best.pth
Needs:   a checkpoint of a U-Net, and a prepared folder (docs/few_samples.md).
Norm layers are in training mode: their statistics become those of the new images.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(starts=('unet', 'other'))
