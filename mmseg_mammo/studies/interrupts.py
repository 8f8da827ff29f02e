"""Interrupts: delay Ctrl-C to the end of a training step."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any

from mmengine.hooks import Hook


class Interrupts(Hook):
    """Put a Ctrl-C off to the end of the step, for as long as a ``with`` block lasts.

    KeyboardInterrupt may come up anywhere. Python drops it while an object is deleted or after a
    fork; raised while a data loader shuts its workers down, it makes the process hang at its exit
    (CPython's ``Condition.notify`` then loses the next notification). Therefore the first Ctrl-C is
    remembered only: the next step of a runner that has this hook raises it, and so does the end of
    the block, whatever else was raised in between. Workers that were forked inside work on. A
    second Ctrl-C is raised at once. A process that ignores Ctrl-C, as a job of a shell script in
    the background does, goes on ignoring it. Only for the main thread.
    """

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> None:
        self._process = os.getpid()
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)
        if kind is not KeyboardInterrupt:
            self._raise(error)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End the training after a Ctrl-C."""
        self._raise()

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End the validation after a Ctrl-C."""
        self._raise()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
        if os.getpid() == self._process:  # print() fails if it is interrupted by itself
            os.write(2, b'\nStopping after this step; Ctrl-C again stops at once.\n')

    def _raise(self, cause: BaseException | None = None) -> None:
        if self.seen:
            raise KeyboardInterrupt from cause
