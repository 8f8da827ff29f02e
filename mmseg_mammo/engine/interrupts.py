"""Ctrl-C that nothing can swallow."""

import signal
from types import FrameType, TracebackType
from typing import Any

from mmengine.hooks import Hook


class Interrupts(Hook):
    """Remember a Ctrl-C for as long as a ``with`` block lasts.

    Python drops an exception that is raised while an object is deleted, a data loader that shuts
    its workers down for instance; and workers that the same Ctrl-C ends may raise another one.
    Inside the block a Ctrl-C raises KeyboardInterrupt at once, as ever. If that is lost, the next
    step of a runner that has this hook raises it again, and so does the end of the block, whatever
    else was raised in between. A process that ignores Ctrl-C, as a job of a shell script in the
    background does, goes on ignoring it. Only for the main thread.
    """

    def __init__(self) -> None:
        self.seen = False

    def __enter__(self) -> None:
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
        """End the training if a Ctrl-C was lost."""
        self._raise()

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """End the validation if a Ctrl-C was lost."""
        self._raise()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt

    def _raise(self, cause: BaseException | None = None) -> None:
        if self.seen:
            raise KeyboardInterrupt from cause
