"""Few samples: of a U-Net the last decoder stage and the head are tuned, from a checkpoint.

Train:   python tools/train.py few/unet_head --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/unet_head/best.pth
Needs:   a checkpoint of a U-Net, and a prepared folder (docs/few_samples.md).
The rest is in eval mode: its norm layers keep weights and statistics of the start.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(starts=('unet',), trainable=r'^decode_head\.|^backbone\.decoder\.0\.')
optim_wrapper = dict(optimizer=dict(lr=1e-3))
