"""A cross-validation that several tests share."""

import pytest
from experiments import shrink
from tool_calls import OURS, call

from mmseg_mammo.engine import work_dir


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


@pytest.fixture(scope='session')
def divided(prepared, tmp_path_factory):
    """Config and work folder of a training with three folds. Not to be changed."""
    folder = tmp_path_factory.mktemp('folds')
    config = write_config(folder / 'configs', prepared)
    train(config, '--folds', 3, '--work-dir', folder / 'work')
    return config, folder / 'work'
