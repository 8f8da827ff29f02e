"""Presence-threshold hook: chooses on validation images which images a model closes."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.config.test_output import bare_model, use_test_output
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.gate import Gate, find_gate
from mmseg_mammo.evaluation.image_level.presence import is_positive
from mmseg_mammo.io.checkpoint_record import PRESENCE
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.operating_point import read_target
from mmseg_mammo.models.peft.trainable import unwrapped


@HOOKS.register_module()
class PresenceThresholdHook(Hook):
    """Calibrate the presence of a lesion, and choose its threshold, after each validation.

    Both go into the config and the record of the checkpoints that are saved then, so that whoever
    uses one has them. The validations of the training themselves close nothing by them. A
    checkpoint that no validation came before has none: its weights are others. Where the images
    are too few, or all of one kind, the log says so and the config's own settings stay.

    Args:
        target: ``'sensitivity=S'``: a share S of the validation images with a lesion is not
            closed; or ``'specificity=S'``: a share S of the normal ones is.
        sources: Whose images the target is about, by their column ``source``; None: all. Whole images
            have another presence than cuts of them.

    Raises:
        MammoError: It is no target.
    """

    priority = 'LOW'  # the scores are known, and no checkpoint is written yet

    def __init__(
        self, *, target: str = 'sensitivity=0.95', sources: Sequence[str] | None = None
    ) -> None:
        self.target = read_target(target)
        self.sources = None if sources is None else set(sources)
        self._own: Mapping[str, Any] | None = None
        self._training = self._chosen = False
        self._said: set[str] = set()

    def before_train(self, runner: Any) -> None:
        """Refuse a model that says nothing of presence.

        Raises:
            MammoError: It does not.
        """
        model = unwrapped(runner.model)
        if not getattr(model, 'has_presence', False):
            raise MammoError(
                f'PresenceThresholdHook with {type(model).__name__} without presence',
                'a model with presence_head (of SAM object_score)',
                'Set it, or take the hook out (default_hooks.presence.type=NoHook)',
            )
        if runner.val_loop is None:
            runner.logger.warning('No presence threshold will be chosen: there is no validation')
        self._own = copy.deepcopy(bare_model(runner.cfg).get('test_output'))
        self._training = True

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Forget what was chosen for other weights."""
        if self._chosen:
            self._chosen = False
            model = bare_model(runner.cfg)
            model.pop('test_output', None)
            if self._own is not None:
                model.test_output = copy.deepcopy(self._own)
            runner.message_hub.update_info(PRESENCE, {}, resumed=False)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Choose, on the main process, which alone has the records and writes checkpoints."""
        records = records_of(runner.val_evaluator)
        if not self._training or not records:
            return
        try:
            gate = find_gate(*arrays_of(records), self.target, about=self._about(records))
        except MammoError as error:
            if str(error) not in self._said:  # not in every epoch again
                self._said.add(str(error))
                runner.logger.warning(f'No presence threshold is chosen: {error}')
            return
        use_test_output(runner.cfg, **gate.as_settings())
        facts = {**gate.as_facts(), 'split': 'val', 'epoch': runner.epoch}
        if self.sources is not None:
            facts['target'] += f' of {", ".join(sorted(self.sources))}'
        runner.message_hub.update_info(PRESENCE, facts, resumed=False)
        self._chosen = True
        runner.logger.info(_in_words(gate, records))

    def _about(self, records: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
        if self.sources is None:
            return None
        found = {record['source'] for record in records}
        if missing := sorted(self.sources - found):
            raise MammoError(
                f'sources of PresenceThresholdHook: no validation image is from {missing[0]!r}',
                ', '.join(map(repr, sorted(found))),  # names of cuts have commas
            )
        return np.array([record['source'] in self.sources for record in records])

    def after_train(self, runner: Any) -> None:
        """A validation that follows is none of the training."""
        self._training = False


def records_of(evaluator: Any) -> list[dict[str, Any]]:
    """The records of the metric that has those of a model with presence; empty without."""
    for metric in evaluator.metrics:
        records = getattr(metric, 'records', None)
        if records and 'presence' in records[0]:
            return records
    return []


def arrays_of(
    records: Sequence[Mapping[str, Any]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw logits, whether there is a lesion, and patients of N records."""
    logits = np.array([record['presence_logit'] for record in records], dtype=float)
    positive = np.array([is_positive(record) for record in records], dtype=bool)
    patients = np.array([f'{origin_of(r["source"])}/{r["patient_id"]}' for r in records])
    return logits, positive, patients


def _in_words(gate: Gate, records: Sequence[Mapping[str, Any]]) -> str:
    logits, positive, _ = arrays_of(records)
    closed = 1 / (1 + np.exp(-(gate.scale * logits + gate.bias))) <= gate.choice.threshold
    return (
        f'Presence: threshold {gate.choice.threshold:.4g} for {gate.choice.kind}='
        f'{gate.choice.share:g} (scale {gate.scale:.4g}, bias {gate.bias:.4g}); on these images, '
        f'which it was chosen on, it closes {int(closed[~positive].sum())} of '
        f'{int((~positive).sum())} normal ones and {int(closed[positive].sum())} of '
        f'{int(positive.sum())} with a lesion; AUROC {gate.auroc:.3f}'
    )
