"""Checkpoint hook: saves checkpoints that a killed training resumes from exactly."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.epoch_progress import validation_follows
from mmseg_mammo.engine.fsdp import is_sharded
from mmseg_mammo.engine.partial_checkpoint import drop_frozen, note_base, refuse_random_base
from mmseg_mammo.engine.presence.stored import with_presence
from mmseg_mammo.engine.training_record.backend import AtomicBackend
from mmseg_mammo.engine.training_record.describe import describe_training
from mmseg_mammo.engine.training_record.features import TrainingFeatures
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.evaluation.scalars import HIGHER, LOWER, scalar
from mmseg_mammo.io.checkpoint_record import add_record, read_record
from mmseg_mammo.io.files import link_atomic, write_atomic
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.models.peft.lora import omits_frozen
from mmseg_mammo.models.peft.trainable import fingerprint, unwrapped
from mmseg_mammo.preparation.network_likeness import NETWORK


@HOOKS.register_module()
class ResumableCheckpointHook(CheckpointHook):
    """mmengine's hook, which here saves after the validation of an epoch, and atomically.

    mmengine saves before it, so that the plateau rule's count and the best score of that epoch
    are missing from the checkpoint and a resumed training takes another course. It also
    deletes the previous file before the next one is complete. The best checkpoint also has the
    name ``best.pth``, whatever its epoch.

    Attributes:
        when_best: Called with ``best.pth`` whenever there is another one, in the main process.

    Args:
        save_trained_only: Leave out the frozen weights, which come from the pre-trained file:
            a few megabytes instead of a gigabyte for SETR-VPT. ``CheckpointGuardHook`` puts them
            back when the checkpoint is loaded.
        record_features: Let the record have what the network makes of some training images, in a
            few numbers, which ``mammoseg predict`` compares new images with. It costs a pass over up
            to fifty images whenever a validation, or the end, saves a checkpoint.
        kwargs: See ``mmengine.hooks.CheckpointHook``; files are on the local file system. ``rule``
            may be left out for scalars of this project's metric.

    Raises:
        MammoError: A best checkpoint is asked for by a scalar that has no best value, or by a
            rule that keeps the worst.
    """

    best_ckpt_path: str | None = None
    last_ckpt: str | None = None
    when_best: Callable[[Path], None] | None = None
    keep_ckpt_ids: deque[int]

    def __init__(
        self, *, save_trained_only: bool = False, record_features: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**{'backend_args': {'backend': 'atomic'}, **kwargs})
        self.save_trained_only, self.record_features = save_trained_only, record_features
        self._features = TrainingFeatures(None)
        self._due = False
        self._mark = ''
        self._record: dict[str, Any] = {}

    def before_train(self, runner: Any) -> None:
        """Refuse early if checkpoints without frozen weights could not be completed."""
        super().before_train(runner)
        self._own_best(runner)
        model = unwrapped(runner.model)
        if self.save_trained_only or omits_frozen(model):
            if is_sharded(runner.model):
                raise CheckpointError(
                    'Checkpoints without the frozen weights (save_trained_only, LoRA): each '
                    'process has only a part of them',
                    'whole checkpoints under FSDP',
                    'Train without FSDP, or with whole checkpoints',
                )
            refuse_random_base(model)
            self._mark = fingerprint(model)
        if is_main_process():
            self._record = describe_training(runner)
            self._features = TrainingFeatures(runner if self.record_features else None)

    def _init_rule(self, rules: list[str | None], key_indicators: list[str]) -> None:
        """Take the rules of declared scalars from :mod:`mmseg_mammo.evaluation.scalars`.

        A rule that the config gives is checked; mmengine's own stands where nothing is declared.
        """
        given = rules * len(key_indicators) if len(rules) == 1 else rules
        pairs = zip(key_indicators, given, strict=True)
        super()._init_rule([_rule(*pair) for pair in pairs], key_indicators)

    def _own_best(self, runner: Any) -> None:
        """Look for the best file here, not where the work folder was copied or moved from.

        The previous best one is deleted when there is a better one; a file elsewhere is not ours.
        """
        several = getattr(self, 'best_ckpt_path_dict', {})
        for score, named in {**several, '': self.best_ckpt_path}.items():
            if not named or Path(named).resolve().parent == Path(self.out_dir).resolve():
                continue
            here = Path(self.out_dir) / Path(named).name
            found = str(here) if here.is_file() else None
            if score:
                several[score] = found
            else:
                self.best_ckpt_path = found
            if found:
                name = f'best_ckpt_{score}' if score else 'best_ckpt'
                runner.message_hub.update_info(name, found)
        self._link_best()  # a kill may have come between the two

    def _link_best(self) -> None:
        """Let ``best.pth`` be the best checkpoint; of several scores, by the first."""
        several = getattr(self, 'best_ckpt_path_dict', {}).values()
        found = self.best_ckpt_path or next(iter(several), None)
        if found and is_main_process() and Path(found).is_file():  # DeepSpeed's are folders
            best = Path(found).with_name(BEST)
            link_atomic(Path(found), best)
            if self.when_best is not None:
                self.when_best(best)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Leave out what is frozen; after ``EMAHook`` has added its weights."""
        features = self._features.of(runner, checkpoint)  # now: all weights are there
        if self.save_trained_only:
            drop_frozen(checkpoint, unwrapped(runner.model))
        if self._mark:
            note_base(checkpoint, unwrapped(runner.model), self._mark)
        if is_main_process():
            AtomicBackend.record = {
                **with_presence(self._record, runner),
                'images': {**self._record['images'], **({NETWORK: features} if features else {})},
                'epoch': checkpoint['meta'].get('epoch'),
                'iter': checkpoint['meta'].get('iter'),
                'best_score': self._best_scores(runner),
                'trained_only': bool(self._mark) or self.save_trained_only,
            }

    def _best_scores(self, runner: Any) -> dict[str, float]:
        """The best value so far of each score that a best checkpoint is kept of."""
        names = [name for name in getattr(self, 'key_indicators', []) if name]
        known = runner.message_hub.runtime_info
        keys = ['best_score'] if len(names) == 1 else [f'best_score_{name}' for name in names]
        pairs = zip(names, keys, strict=True)
        return {name: float(known[key]) for name, key in pairs if key in known}

    def after_train_epoch(self, runner: Any) -> None:
        """Save, or leave it to the end of the validation that follows."""
        if not self.by_epoch:
            return
        if not validation_follows(runner):
            super().after_train_epoch(runner)
        else:
            self._due = self.every_n_epochs(runner, self.interval, self.save_begin) or (
                self.save_last and self.is_last_train_epoch(runner)
            )

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        """Save, or leave it to the end of the validation that follows, where steps count."""
        if self.by_epoch or not validation_follows(runner):
            super().after_train_iter(runner, *args, **kwargs)
        else:
            self._due = self.every_n_train_iters(runner, self.interval, self.save_begin) or (
                self.save_last and self.is_last_train_iter(runner)
            )

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save the best checkpoint, then the last one; the previous ones go at the end."""
        if not hasattr(self, 'file_backend'):  # a validation without training
            return
        self._features.validated(True)
        # Without these two mmengine would delete the previous best file first, and save the last
        # checkpoint by itself, which is once too often for a gigabyte.
        previous, self.best_ckpt_path = self.best_ckpt_path, None
        last, self.last_ckpt = self.last_ckpt, None
        super().after_val_epoch(runner, metrics)
        self._link_best()
        better = self.best_ckpt_path is not None
        self.best_ckpt_path, self.last_ckpt = self.best_ckpt_path or previous, last
        if self._due or (better and last):  # the last one has to know the best score
            meta = {'epoch': runner.epoch, 'iter': runner.iter}
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, meta)
            self._due = False
        self._features.validated(False)
        if previous and previous != self.best_ckpt_path and is_main_process():
            Path(previous).unlink(missing_ok=True)

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        super()._save_best_checkpoint(runner, metrics)
        for path in {self.best_ckpt_path, *getattr(self, 'best_ckpt_path_dict', {}).values()}:
            self._complete(path)

    def _complete(self, path: str | None) -> None:
        """Add the record to a file that was saved without the backend, as a strategy does."""
        record = AtomicBackend.record
        if record is not None and path and Path(path).is_file() and read_record(Path(path)) is None:
            with Path(path).open('r+b') as stream:
                add_record(stream, record)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [number for number in self.keep_ckpt_ids if number != step] + [step]
            outdated = kept[: -self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(kept[len(outdated) :], self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = str(Path(self.out_dir) / name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
        )
        self._complete(self.last_ckpt)
        if is_main_process():
            last = self.last_ckpt.encode()
            write_atomic(Path(runner.work_dir) / 'last_checkpoint', lambda s: s.write(last))
            for old in outdated:
                Path(self.out_dir, self.filename_tmpl.format(old)).unlink(missing_ok=True)


def _rule(name: str, given: str | None) -> str | None:
    declared = scalar(name)
    if declared is None:
        return given
    right = {HIGHER: 'greater', LOWER: 'less'}.get(declared.better)
    if right is None:
        raise MammoError(f'save_best={name!r}: no value of it is better than another', 'a score')
    if given not in (None, right):
        raise MammoError(
            f'rule={given!r} with save_best={name!r}: of it {declared.better} is better',
            f'rule={right!r}',
            f'Set default_hooks.checkpoint.rule={right!r} too',
        )
    return right
