"""Curves hook: draws the training so far into the work folder, after each validation."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import HOOKS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.run_folder import CURVES, PICTURE, read_curves

# A full disk, a broken line of scalars, or a plot of another Matplotlib.
_FAILURES = (OSError, ValueError, LookupError, TypeError, RuntimeError, MammoError)


@HOOKS.register_module()
class CurvesHook(Hook):
    """Rewrite ``curves.png`` in the work folder: validation scores, and the losses of both splits.

    It shows what mmengine's ``LocalVisBackend`` logged, of earlier parts of a resumed training
    too. A picture that cannot be drawn is said once in the log, and stops no training.
    """

    priority = 'LOWEST'  # mmengine has logged the validation then

    def __init__(self) -> None:
        self._trains, self._failed = False, False

    def before_train(self, runner: Any) -> None:
        """A validation without training is not drawn."""
        self._trains = True

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draw."""
        if not (self._trains and is_main_process()):
            return
        # matplotlib takes a second, which no training need wait for before its first step.
        from mmseg_mammo.visualization.curves import curve_picture

        work_dir = Path(runner.work_dir)
        unit = 'step' if isinstance(runner.train_loop, IterBasedTrainLoop) else 'epoch'
        try:
            lines = [
                line for file in sorted(work_dir.glob(f'*/{CURVES}')) for line in read_curves(file)
            ]
            if lines:
                picture = curve_picture(lines, work_dir.resolve().name, unit)
                write_atomic(work_dir / PICTURE, lambda stream: stream.write(picture))
        except _FAILURES as error:
            if not self._failed:
                runner.logger.warning(f'{work_dir / PICTURE} is not drawn: {error}')
            self._failed = True

    def after_train(self, runner: Any) -> None:
        """A validation that follows is none of the training's."""
        self._trains = False
