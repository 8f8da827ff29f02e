"""Cross-validations and tunings by folds, of tiny models, on the nine images of ``prepared``."""

import pytest
from experiments import shrink
from tool_calls import OURS, call

from mmseg_mammo.engine import work_dir

FEW_OPTIONS = (
    *('train_cfg.max_iters=4', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2'),
    *(f'{split}_dataloader.num_workers=0' for split in ('train', 'val', 'test')),
    *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'val', 'test')),
    'param_scheduler=None',
)
LEARNS = (
    *('train_cfg.max_iters=90', 'train_cfg.val_interval=45', 'train_dataloader.batch_size=4'),
    'optim_wrapper.optimizer.lr=0.01',
)


def train(*arguments):
    """Train as ``tools/train.py`` does, and let go of the work folders."""
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            call(monkeypatch, OURS / 'train.py', *arguments)
    finally:
        for lock in work_dir._held:
            lock.release()


def write_config(folder, data, name='unet_strong_cbis', epochs=1):
    """A tiny config in ``folder``; its file."""
    folder.mkdir(parents=True, exist_ok=True)
    cfg = shrink(name, data, folder / 'none', epochs=epochs)
    cfg.pop('work_dir')
    cfg.param_scheduler = []
    cfg.dump(folder / 'tiny.py')
    return folder / 'tiny.py'


def tune(config, start, data, work, *options, more=()):
    """Tune by three folds, on the command line."""
    given = ('--from', start, '--data', data, '--folds', 3, '--work-dir', work, *more)
    named = dict(one.split('=', 1) for one in (*FEW_OPTIONS, *options))
    train(config, *given, '--cfg-options', *map('='.join, named.items()))
