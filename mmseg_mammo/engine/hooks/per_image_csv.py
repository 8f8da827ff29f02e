"""Hooks that leave results on disk: one CSV line per image, pictures of a seeded sample."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.engine.hooks.checkpoint_guard import DIFFERENCES
from mmseg_mammo.evaluation.lesions import LESION_COLUMNS
from mmseg_mammo.evaluation.overlap import overlap
from mmseg_mammo.io.image import read_image, write_atomic, write_png
from mmseg_mammo.io.image_keys import keys_by_path
from mmseg_mammo.io.index import write_table
from mmseg_mammo.visualization.overlay import draw_panels


@HOOKS.register_module()
class PerImageCSVHook(Hook):
    """Write the metric's records to ``per_image_val.csv`` and ``per_image_test.csv``.

    They go to the run's own time-stamped folder, so that no later run overwrites them; the
    file of the validation set is that of the last epoch. A metric that looks at each lesion
    also gives ``lesions_test.csv``: one line per lesion and per detection. A test leaves
    ``test.json`` too: its scores and what they are of.
    """

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the validation set."""
        self._write(runner, runner.val_evaluator, 'val')

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the test set, and its summary."""
        self._write(runner, runner.test_evaluator, 'test')
        dataset = runner.test_dataloader.dataset
        summary = {
            'config': runner.cfg.filename,
            'checkpoint': runner.cfg.get('load_from'),
            'data_root': dataset.data_root,
            'split': dataset.split,
            'finding': dataset.finding,
            'evaluator': runner.cfg.test_evaluator,
            DIFFERENCES: runner.message_hub.runtime_info.get(DIFFERENCES, []),
            # JSON has no NaN: null where a stratum has no image.
            'scores': {k: None if np.isnan(v) else v for k, v in (metrics or {}).items()},
        }
        text = json.dumps(summary, indent=2, default=str)
        self._save(Path(runner.log_dir) / 'test.json', text)

    @master_only
    def _save(self, path: Path, text: str) -> None:
        write_atomic(path, lambda stream: stream.write(text.encode()))

    def _write(self, runner: Any, evaluator: Any, split: str) -> None:
        for metric in evaluator.metrics:
            records = getattr(metric, 'records', None)
            if records:  # only the main process has them
                path = Path(runner.log_dir) / f'per_image_{split}.csv'
                write_table(path, list(records[0]), records)
                runner.logger.info(f'{len(records)} records, one per image: {path}')
                if metric.lesions:
                    write_table(
                        path.with_name(f'lesions_{split}.csv'), LESION_COLUMNS, metric.lesion_rows
                    )


@HOOKS.register_module()
class OverlayHook(Hook):
    """Save pictures of a seeded sample of the test set to ``overlays/`` of the run's folder.

    They are called by the key of the per-image table.

    Args:
        count: Number of pictures; the same images at every run.
        seed: Seed of the choice.
    """

    def __init__(self, count: int = 12, seed: int = 0) -> None:
        self.count = count
        self.seed = seed
        self._chosen: dict[str, str] = {}

    def before_test_epoch(self, runner: Any) -> None:
        """Choose the images."""
        keys = keys_by_path(runner.test_dataloader.dataset)
        size = min(self.count, len(keys))
        chosen = np.random.default_rng(self.seed).choice(len(keys), size, replace=False)
        paths = list(keys)
        self._chosen = {paths[index]: keys[paths[index]] for index in chosen}

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
            truth, predicted = (
                sample.get(key).data[0].cpu().numpy() > 0 for key in ('gt_sem_seg', 'pred_sem_seg')
            )
            facts = (path.stem, sample.get('source', ''), sample.get('mask_kind', ''))
            title = f'{"  ".join(facts)}  Dice {100 * overlap(predicted, truth).dice:.1f} %'
            picture = draw_panels(read_image(path), truth, predicted, title)
            name = f'{self._chosen[sample.img_path]}.png'
            write_png(Path(runner.log_dir) / 'overlays' / name, picture)
