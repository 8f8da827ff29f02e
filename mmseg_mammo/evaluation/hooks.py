"""Hooks that leave results on disk: one CSV line per image, pictures of a seeded sample."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.evaluation.overlay import draw_panels
from mmseg_mammo.preparation.images import read_image, write_png
from mmseg_mammo.preparation.index import write_table


@HOOKS.register_module()
class PerImageCSVHook(Hook):
    """Write the metric's records to ``per_image_val.csv`` and ``per_image_test.csv``.

    They go to the run's own time-stamped folder, so that no later run overwrites them; the
    file of the validation set is that of the last epoch.
    """

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the validation set."""
        self._write(runner, runner.val_evaluator, 'val')

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the test set."""
        self._write(runner, runner.test_evaluator, 'test')

    def _write(self, runner: Any, evaluator: Any, split: str) -> None:
        for metric in evaluator.metrics:
            records = getattr(metric, 'records', None)
            if records:  # only the main process has them
                path = Path(runner.log_dir) / f'per_image_{split}.csv'
                write_table(path, list(records[0]), records)
                runner.logger.info(f'{len(records)} records, one per image: {path}')


@HOOKS.register_module()
class OverlayHook(Hook):
    """Save pictures of a seeded sample of the test set to ``overlays/`` of the run's folder.

    Args:
        count: Number of pictures; the same images at every run.
        seed: Seed of the choice.
    """

    def __init__(self, count: int = 12, seed: int = 0) -> None:
        self.count = count
        self.seed = seed
        self._chosen: set[str] = set()

    def before_test_epoch(self, runner: Any) -> None:
        """Choose the images."""
        dataset = runner.test_dataloader.dataset
        size = min(self.count, len(dataset))
        chosen = np.random.default_rng(self.seed).choice(len(dataset), size, replace=False)
        self._chosen = {dataset.get_data_info(int(index))['img_path'] for index in chosen}

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Draw those of the batch's images that were chosen."""
        for sample in outputs or ():
            if sample.img_path not in self._chosen or 'gt_sem_seg' not in sample:
                continue
            path = Path(sample.img_path)
            title = f'{path.stem}  {sample.get("source", "")}'
            picture = draw_panels(
                read_image(path),
                sample.gt_sem_seg.data[0].cpu().numpy() > 0,
                sample.pred_sem_seg.data[0].cpu().numpy() > 0,
                title,
            )
            name = re.sub(r'[^\w.-]', '_', path.stem)
            write_png(Path(runner.log_dir) / 'overlays' / f'{name}.png', picture)
