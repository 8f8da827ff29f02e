"""A training that several tests of the commands share."""

import pytest
from tool_calls import CBIS, OURS, TRAINING, call, options


@pytest.fixture(scope='session')
def trained(prepared, tmp_path_factory):
    """Work folder of one epoch of tools/train.py."""
    work_dir = tmp_path_factory.mktemp('train')
    with pytest.MonkeyPatch.context() as monkeypatch:
        arguments = [CBIS, '--work-dir', work_dir, '--cfg-options', *options(prepared, *TRAINING)]
        call(monkeypatch, OURS / 'train.py', *arguments, 'train_cfg.max_epochs=1')
    return work_dir
