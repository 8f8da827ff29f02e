"""Early-stopping hook: ends a training whose training loss does not improve (thesis IV-B)."""

from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.epoch_progress import EpochLoss
from mmseg_mammo.engine.hooks.console import say

BEST = 'best_train_loss'
WAITED = 'epochs_without_better_train_loss'


@HOOKS.register_module()
class EarlyStopOnTrainingLossHook(Hook):
    """Stop after ``patience`` epochs in a row without a lower training loss.

    The loss of an epoch is its mean over all images of all processes, as the steps saw them; it
    is logged, and a curve, as ``epoch_loss``. Only a strictly lower one is better; one that is
    not a number never is. The count is part of every checkpoint, so that a resumed training
    stops where an uninterrupted one does. mmengine's ``EarlyStoppingHook`` sees validation
    metrics only, wants an improvement of 0.1, and forgets its count.

    Args:
        patience: Epochs.
    """

    def __init__(self, *, patience: int = 40) -> None:
        if patience < 1:
            raise ValueError(f'patience={patience}: at least 1 is allowed')
        self.patience = patience
        self._loss = EpochLoss()

    def before_train(self, runner: Any) -> None:
        """Stop at once what had stopped before it was resumed."""
        waited = runner.message_hub.runtime_info.get(WAITED, 0)
        if waited >= self.patience:
            self._stop(runner, waited)

    def before_train_epoch(self, runner: Any) -> None:
        """Forget the last epoch's sum."""
        self._loss = EpochLoss()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Add the loss of a step."""
        self._loss.add(data_batch, outputs)

    def after_train_epoch(self, runner: Any) -> None:
        """Compare the epoch's mean with the best one."""
        loss = self._loss.mean()
        info = runner.message_hub.runtime_info
        best, waited = info.get(BEST, float('inf')), info.get(WAITED, 0)
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        runner.message_hub.update_info(BEST, best)
        runner.message_hub.update_info(WAITED, waited)
        # Straight to the curves: mmengine's logger would average it over the last epochs.
        runner.visualizer.add_scalar('epoch_loss', loss, runner.epoch + 1)
        runner.logger.info(
            f'Epoch {runner.epoch + 1}: epoch_loss {loss:.6f}, best {best:.6f}, '
            f'{waited} of {self.patience} epochs without a better one'
        )
        if waited >= self.patience:
            self._stop(runner, waited)

    def _stop(self, runner: Any, waited: int) -> None:
        say(runner.logger, f'Training stops: no better training loss for {waited} epochs')
        runner.train_loop.stop_training = True
