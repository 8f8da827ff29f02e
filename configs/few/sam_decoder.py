"""Few samples: the decoder of SAM is tuned, from a checkpoint; each image is encoded once.

Train:   python tools/train.py few/sam_decoder --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/sam_decoder/best.pth
Needs:   a checkpoint of a SAM, and a prepared folder (docs/few_samples.md).
Without augmentation, since the encoder costs most of a step; training points differ each time. Its
norm layers have no statistics. Prompts are those of the start: of the true mask, unless they are given.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(
    starts=('sam',),
    trainable=r'^mask_decoder\.',
    augmentation=[],
    changes=dict(embedding_cache='work_dirs/sam_embeddings'),
)
train_dataloader = dict(batch_size=1)
val_dataloader = dict(batch_size=1)
test_dataloader = dict(batch_size=1)
optim_wrapper = dict(constructor='KeepUnreachedConstructor', optimizer=dict(lr=1e-4))
default_hooks = dict(ema=dict(_delete_=True, type='NoHook'), raw_scores=dict(type='NoHook'))
