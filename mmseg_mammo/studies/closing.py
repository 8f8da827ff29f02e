"""Closing of runners, for processes that run many trainings."""

import logging
from typing import Any

from torch.utils.data import DataLoader


def close_runner(runner: Any) -> None:
    """Close the log file and end the workers of a runner, in a process that builds many.

    Args:
        runner: Of MMEngine, that has run or failed.
    """
    for handler in [*runner.logger.handlers]:
        if isinstance(handler, logging.FileHandler):
            # One that is only closed opens its file again for the next message.
            runner.logger.removeHandler(handler)
            handler.close()
    end_workers(runner._train_loop, runner._val_loop, runner._test_loop)


def end_workers(*loops: Any) -> None:
    """End the worker processes that loops keep from epoch to epoch.

    Left to the collector of garbage, the queues of a loader go before the loader does: its workers are
    never told, and each loader waits five seconds before it kills them.

    Args:
        loops: Of a runner; settings of loops that were not built are passed over.
    """
    for loop in loops:
        loader = getattr(loop, 'dataloader', None)
        # A loop by steps holds an iterator of its own.
        for holder in (loader, getattr(loop, 'dataloader_iterator', None)):
            iterator: Any = getattr(holder, '_iterator', None)
            if hasattr(iterator, '_shutdown_workers'):
                iterator._shutdown_workers()
        if isinstance(loader, DataLoader):
            loader._iterator = None
