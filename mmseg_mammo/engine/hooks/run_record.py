"""Run-record hook: writes ``run.json``, the description of a run that the report reads."""

import time
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.description import describe_data
from mmseg_mammo.engine.config.test_output import describe_test_output
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.devices import on_gpu
from mmseg_mammo.engine.hooks.early_stopping import WAITED
from mmseg_mammo.engine.hooks.epoch_seed import is_deterministic
from mmseg_mammo.engine.presence.stored import presence_choice
from mmseg_mammo.engine.provenance import (
    clock,
    combine_processes,
    git_state,
    parameters,
    peak_resident_memory,
    run_hash,
    versions,
)
from mmseg_mammo.engine.resume import DATA, facts_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import FEW, FOLDS, PRESENCE, TUNING, read_record
from mmseg_mammo.io.files import sha256, write_json
from mmseg_mammo.io.run_folder import CHECKPOINT_SHA256, RUN, TEST_OUTPUT, TRAINED_STEPS, TUNED_FROM
from mmseg_mammo.models.folds.segmentor import FoldSegmentor
from mmseg_mammo.models.peft.trainable import unwrapped

_WARM_UP = 3  # steps that are not timed


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` to the run's folder: at its start, after each epoch, and at its end.

    ``docs/evaluation.md`` describes the fields. Nothing of patients goes in but counts.
    """

    priority = 'LOWEST'  # the scores and checkpoints of an epoch are known then

    def before_run(self, runner: Any) -> None:
        """Start the clocks."""
        self._started = time.time()
        self._timed = [0, 0.0]  # images and seconds
        self._images: int | None = None  # since the warm-up
        self._record: dict[str, Any] = {}
        self._trained_on: dict[str, Any] = {}
        if on_gpu():
            torch.cuda.reset_peak_memory_stats()

    def before_train(self, runner: Any) -> None:
        """Describe a training."""
        self._trained_on = facts_of(runner)
        self._begin(runner, 'train', ('train', 'val'))

    def before_test(self, runner: Any) -> None:
        """Describe a test."""
        self._begin(runner, 'test', ('test',))
        self._record |= _facts_of(runner.cfg.get('load_from'))
        model = unwrapped(runner.model)
        if isinstance(model, FoldSegmentor):
            self._record[FOLDS] = len(model.members)
        if choice := presence_choice(runner.cfg, runner.cfg.get('load_from')):
            self._record[PRESENCE] = choice

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Note in a checkpoint which data it comes from, for the day when it is gone on with."""
        if self._trained_on:
            checkpoint['meta'][DATA] = self._trained_on

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the images of a step; the clock runs from the warm-up to the last one."""
        self._count(batch_idx, len(data_batch['inputs']), runner.train_dataloader)

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count the images of a step; the clock runs from the warm-up to the last one."""
        self._count(batch_idx, len(data_batch['inputs']), runner.test_dataloader)

    def _count(self, batch_idx: int, images: int, loader: Any) -> None:
        if batch_idx < _WARM_UP - 1:
            return
        # Before the next batch is loaded; where steps count, a training may go on behind that.
        if batch_idx == _WARM_UP - 1 or self._images is None:
            self._clock, self._images = clock(), 0
        else:
            self._images += images
            if batch_idx == len(loader) - 1:
                self._timed[0] += self._images
                self._timed[1] += clock() - self._clock

    def after_train_epoch(self, runner: Any) -> None:
        """Write what is known, for a run that is killed."""
        self._update(runner, 'running', epochs=runner.epoch + 1)

    def after_train(self, runner: Any) -> None:
        """Complete the record of a training."""
        info = runner.message_hub.runtime_info
        early = runner.train_loop.stop_training
        self._update(
            runner,
            'finished',
            epochs=runner.epoch,
            stopped_early=early,
            epochs_without_better_train_loss=info.get(WAITED),
            best_score=info.get('best_score'),
            best_checkpoint=info.get('best_ckpt'),
            last_checkpoint=info.get('last_ckpt'),
        )

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Complete the record of a test."""
        self._update(runner, 'finished', scores=metrics)

    def _begin(self, runner: Any, mode: str, splits: tuple[str, ...]) -> None:
        loops = {split: getattr(runner, f'{split}_loop') for split in splits}
        loaders = {split: loop.dataloader for split, loop in loops.items() if loop}
        self._record = {
            'mode': mode,
            'config': runner.cfg.filename,
            'config_sha256': run_hash(runner.cfg),
            'checkpoint': runner.cfg.get('load_from'),
            'resumed': bool(runner.cfg.get('resume')),
            'started': time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(self._started)),
            'parameters': parameters(runner.model),
            'data': {split: describe_data(loader.dataset) for split, loader in loaders.items()},
            'batch_size': loaders[splits[0]].batch_sampler.batch_size,
            TEST_OUTPUT: describe_test_output(runner.cfg),
            'precision': type_name(runner.cfg.get('optim_wrapper', {}).get('type')) or None,
            'seed': runner.seed,
            'deterministic': is_deterministic(runner),
            'launcher': runner.cfg.get('launcher', 'none'),
            'processes': get_world_size(),
            'device': torch.cuda.get_device_name() if on_gpu() else 'cpu',
            'versions': versions(),
            'git': git_state(Path(__file__).parent),
        }
        self._update(runner, 'running')

    def _update(self, runner: Any, state: str, **facts: Any) -> None:
        gpu = on_gpu()
        peak = torch.cuda.max_memory_allocated() / 2**30 if gpu else 0.0
        speed, peak = combine_processes(self._timed[0], self._timed[1], peak)
        self._record.update(
            state=state,
            seconds=round(time.time() - self._started, 1),
            images_per_second=speed,
            peak_gpu_memory_gib=peak if gpu else None,
            peak_memory_gib=peak_resident_memory(),
            **facts,
        )
        if is_main_process():
            write_json(Path(runner.log_dir) / RUN, self._record)


def _facts_of(checkpoint: str | None) -> dict[str, Any]:
    """What a checkpoint is: ``best.pth`` is another file later on."""
    file = Path(checkpoint) if checkpoint else None
    try:
        record = (read_record(file) if file else None) or {}
    except MammoError:  # of another program, or not on this disk
        record = {}
    start = (record.get(FEW) or record.get(TUNING) or {}).get('start') or {}
    return {
        TRAINED_STEPS: record.get('iter'),
        CHECKPOINT_SHA256: sha256(file) if file and file.is_file() else None,
        TUNED_FROM: start.get('sha256'),
    }
