"""Runners of a process that builds many: their workers end, their log files are closed."""

import logging
from types import SimpleNamespace

from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

from mmseg_mammo.studies.closing import close_runner, end_workers


def test_workers_end_by_themselves_and_are_not_killed():
    loader = DataLoader([1, 2], num_workers=1, persistent_workers=True)
    assert len(list(loader)) == 2
    workers = list(loader._iterator._workers)

    end_workers(SimpleNamespace(dataloader=loader), {'type': 'not built'}, None)

    assert [worker.exitcode for worker in workers] == [0]


def test_workers_of_a_loop_by_steps_end_too():
    """It holds an iterator of its own, and so do workers that a loader does not keep."""
    loader = DataLoader(list(range(99)), num_workers=1, persistent_workers=False)
    endless = _InfiniteDataloaderIterator(loader)
    next(endless)
    workers = list(endless._iterator._workers)

    end_workers(SimpleNamespace(dataloader=loader, dataloader_iterator=endless))

    assert [worker.exitcode for worker in workers] == [0]


def test_a_closed_runner_has_no_open_log_file(tmp_path):
    logger = logging.getLogger('closing')
    handler = logging.FileHandler(tmp_path / 'a.log')
    logger.addHandler(handler)
    loops = dict(_train_loop=None, _val_loop={}, _test_loop=SimpleNamespace(dataloader=None))

    close_runner(SimpleNamespace(logger=logger, **loops))

    assert handler.stream is None
    assert not logger.handlers
