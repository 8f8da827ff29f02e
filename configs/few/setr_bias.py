"""Few samples: biases and head of a SETR are tuned, and prompts that it has, from a checkpoint.

Train:   python tools/train.py few/setr_bias --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/setr_bias/best.pth
Needs:   a checkpoint of a SETR, and a prepared folder (docs/few_samples.md).
Biases of the ViT's norm layers are among them; batch norm of the head is in training mode.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(starts=('setr',), backbone_trainable=r'\.bias$')
optim_wrapper = dict(optimizer=dict(lr=1e-3))
