"""Prospects hook: refuses a training that cannot succeed, and warns of one that learnt nothing."""

import math
from typing import Any

from mmengine.hooks import CheckpointHook, EarlyStoppingHook, EMAHook, Hook
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.confounding import presence_doubts, refuse_confounded
from mmseg_mammo.datasets.description import members
from mmseg_mammo.engine.fsdp import count_all, is_sharded
from mmseg_mammo.engine.hooks.console import best_of
from mmseg_mammo.engine.hooks.raw_scores import RawScoresHook
from mmseg_mammo.engine.prospects import (
    data_doubts,
    index_rows,
    known_scores,
    loop_doubts,
    refuse_image_labels,
    refuse_unannotated,
    refuse_unknown,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.scalars import MONITOR
from mmseg_mammo.models.peft.trainable import unwrapped
from mmseg_mammo.transforms.lesion_crop import CropAroundLesion

_NOTHING = 0.005  # percent: what a table shows as 0.00


@HOOKS.register_module()
class ProspectsHook(Hook):
    """Refuse a training that would fail later; warn of one that would run for nothing.

    ``docs/training.md`` lists what is looked at. At the end it warns if the best lesion Dice is 0.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Any) -> None:
        """Refuse what mmengine cannot do, before it tries to copy a part of a model."""
        if is_sharded(runner.model) and any(isinstance(hook, EMAHook) for hook in runner.hooks):
            raise MammoError(
                'Averaged weights (EMAHook) of a model that is split over processes (FSDP)',
                'one of the two',
                'Set default_hooks.ema.type=NoHook, or train without FSDP',
            )

    def before_train(self, runner: Any) -> None:
        """Check the length, the model, the awaited scores and the images.

        Raises:
            MammoError: An interval of 0, nothing to train, an image that nobody annotated, or whose lesion
                nobody outlined where the model needs that, a label that the source of an image tells, or a score
                that the validation does not give.
        """
        loop = runner.train_loop
        by_step = isinstance(loop, IterBasedTrainLoop)
        length = loop.max_iters if by_step else loop.max_epochs
        if loop.val_interval < 1:
            raise MammoError(f'train_cfg.val_interval={loop.val_interval}', '1 or more')
        if not count_all(runner.model, unwrapped(runner.model))[1]:
            raise MammoError(
                'No parameter of the model is trained',
                remedy='Set model.backbone.trainable, or test the model instead',
            )
        wanted = awaited_scores(runner)
        doubts = loop_doubts(length, loop.val_begin, runner.val_loop is not None, wanted)
        if runner.val_loop is not None:
            known = known_scores(runner.val_loop)
            if known is not None:
                refuse_unknown(wanted, known | _raw(runner, known))
        doubts += self._data(runner)
        to_do = (runner.iter < length) if by_step else (runner.epoch < length)
        if to_do and not any(
            rate for rates in runner.optim_wrapper.get_lr().values() for rate in rates
        ):
            doubts.append('the learning rate is 0: no weight will change')
        for doubt in doubts:
            runner.logger.warning(f'Before it starts: {doubt}')

    def _data(self, runner: Any) -> list[str]:
        rows = {'train': index_rows(runner.train_dataloader.dataset), 'val': []}
        if runner.val_loop is not None:
            rows['val'] = index_rows(runner.val_dataloader.dataset)
        for split, found in rows.items():
            refuse_unannotated(split, found)
        has_presence, truth = _abilities(runner.model)
        refuse_image_labels(rows, has_presence, truth)
        doubts = data_doubts(rows['train'], rows['val'])
        if has_presence:
            inside = members(runner.train_dataloader.dataset)
            if not any(getattr(member, 'allow_confounded', False) for member in inside):
                refuse_confounded('train', rows['train'])
            # Of images with a lesion a training on crops cuts normal ones.
            whole = {split: found for split, found in rows.items() if split != 'train'}
            if not all(map(_draws_crops, inside)):
                whole = rows
            doubts += [
                line for split, found in whole.items() for line in presence_doubts(split, found)
            ]
        return doubts

    def before_test(self, runner: Any) -> None:
        """Refuse images without the mask that prompts are to come from."""
        rows = {'test': index_rows(runner.test_dataloader.dataset)}
        refuse_image_labels(rows, *_abilities(runner.model))

    def after_train(self, runner: Any) -> None:
        """Warn if the model has learnt nothing that a validation could see."""
        best, raw = (best_of(runner.message_hub, name) for name in (MONITOR, f'raw_{MONITOR}'))
        if best is not None and best < _NOTHING:
            learnt = raw is not None and raw >= _NOTHING
            averaged = f' (of its weights before averaging {raw:.2f})' if learnt else ''
            runner.logger.warning(
                f'The best lesion Dice of this training is 0{averaged}: in no validation did it '
                'mark a lesion, and its checkpoints are of no use. Train for longer, at a higher '
                'rate or with the strong recipe: docs/training.md, When nothing is learnt'
            )
        elif best is not None and math.isnan(best):
            runner.logger.warning(
                'No validation image had a lesion: how good this training is remains unknown'
            )


def _abilities(model: Any) -> tuple[bool, bool]:
    """Whether a model has presence, and whether it takes prompts from true masks."""
    bare = unwrapped(model)
    return getattr(bare, 'has_presence', False), getattr(bare, 'prompts_from', '') == 'truth'


def _draws_crops(dataset: Any) -> bool:
    """Whether its images are crops at random places, with a lesion or without."""
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', [])
    return any(isinstance(step, CropAroundLesion) and step.random for step in steps)


def awaited_scores(runner: Any) -> dict[str, str]:
    """The scores that parts of a training wait for, and the setting that names each."""
    found: dict[str, str] = {}
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best:
            names = [hook.save_best] if isinstance(hook.save_best, str) else hook.save_best
            found |= dict.fromkeys(names, 'default_hooks.checkpoint.save_best')
        elif isinstance(hook, EarlyStoppingHook):
            found[hook.monitor] = 'EarlyStoppingHook.monitor'
    schedulers = runner.param_schedulers or []
    for one in schedulers if isinstance(schedulers, list) else []:
        if getattr(one, 'need_val_args', False):
            found[one.monitor] = 'param_scheduler.monitor'
    found.pop('auto', None)  # the first score, whatever it is
    return found


def _raw(runner: Any, known: set[str]) -> set[str]:
    if not any(isinstance(hook, EMAHook) for hook in runner.hooks):
        return set()
    hooks = [hook for hook in runner.hooks if isinstance(hook, RawScoresHook)]
    return {f'raw_{name}' for hook in hooks for name in hook.scores} & {f'raw_{k}' for k in known}
