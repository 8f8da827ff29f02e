"""Overlay hook: draws a seeded sample of the test set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.evaluation.overlap import overlap
from mmseg_mammo.io.image import read_image, write_png
from mmseg_mammo.io.image_keys import keys_by_path
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import OVERLAYS
from mmseg_mammo.models.one_by_one import where
from mmseg_mammo.visualization.overlay import draw_panels


@HOOKS.register_module()
class OverlayHook(Hook):
    """Save pictures of a seeded sample of the test set to ``overlays/`` of the run's folder.

    They are called by the key of the per-image table.

    Args:
        count: Number of pictures; the same images at every run.
        seed: Seed of the choice.
    """

    def __init__(self, *, count: int = 12, seed: int = 0) -> None:
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
        for sample in where(outputs, lambda s: s.img_path in self._chosen and 'gt_sem_seg' in s):
            path = Path(sample.img_path)
            truth, predicted = (
                sample.get(key).data[0].cpu().numpy() > 0 for key in ('gt_sem_seg', 'pred_sem_seg')
            )
            facts = (path.stem, sample.get('source', ''), sample.get('mask_kind', ''))
            score = f'Dice {100 * overlap(predicted, truth).dice:.1f} %'
            if is_image_label(sample.metainfo):  # nobody knows where its lesion is
                truth, score = np.zeros_like(truth), 'no mask'
            title = f'{"  ".join(facts)}  {score}'
            picture = draw_panels(read_image(path), truth, predicted, title)
            name = f'{self._chosen[sample.img_path]}.png'
            write_png(Path(runner.log_dir) / OVERLAYS / name, picture)
