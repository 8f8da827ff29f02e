"""Raw-scores hook: scores the raw weights beside their exponential moving average (EMA)."""

import copy
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import EMAHook, Hook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.validation.one_by_one import predict_step, process_each


@HOOKS.register_module()
class RawScoresHook(Hook):
    """Validate the raw weights with those that ``EMAHook`` averages, and log them as ``raw_<score>``.

    During a validation ``EMAHook`` has the average in the model and the raw weights in its copy.
    The copy sees each batch too, so that images are loaded once; what it costs is a second
    forward pass. Without ``EMAHook``, and outside of a training, it does nothing.

    Args:
        scores: Scores of the evaluator that are logged; those that it does not give are not.
    """

    priority = 'HIGHEST'  # the scores join the others before mmengine notes them

    def __init__(self, *, scores: Sequence[str] = ('lesion_dice',)) -> None:
        self.scores = tuple(scores)
        self._evaluator: Any = None
        self._raw: Any = None

    def before_train(self, runner: Any) -> None:
        """Find the copy of the weights."""
        averages = [hook.ema_model.module for hook in runner.hooks if isinstance(hook, EMAHook)]
        if averages and runner.val_loop is not None:
            self._raw = averages[0]
            self._evaluator = copy.deepcopy(runner.val_evaluator)

    def before_val_epoch(self, runner: Any) -> None:
        """No dropout; the copy is never trained."""
        if self._raw is not None:
            self._raw.eval()

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Predict the batch with the raw weights; called without gradients."""
        if self._raw is not None:
            # Copies: a prediction is written into its sample, which others still look at.
            samples = [sample.new() for sample in data_batch['data_samples']]
            batch = {**data_batch, 'data_samples': samples}
            process_each(self._evaluator, predict_step(self._raw, 'val_step', batch), batch)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Add the scores to ``metrics``."""
        if self._raw is None or metrics is None:
            return
        runner.logger.info('The raw weights, before averaging:')
        found = self._evaluator.evaluate(len(runner.val_dataloader.dataset))
        metrics.update((f'raw_{name}', found[name]) for name in self.scores if name in found)

    def after_train(self, runner: Any) -> None:
        """Forget the copy: a test or a validation that follows has nothing raw."""
        self._raw = self._evaluator = None
