"""Held-out hook: keeps what each validation of a fold says of its pixels, for the choice of the steps."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmseg_mammo.engine.validation.logit_counts import PROBE, count_logits
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.evaluation.lesions import false_marks
from mmseg_mammo.evaluation.out_of_fold.held_out import CUTS, Row, write_held_out
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.models.one_by_one import where

_THRESHOLDS = 1 / (1 + np.exp(-CUTS / PROBE))


@HOOKS.register_module()
class HeldOutHook(Hook):
    """Write ``step_N.npz`` after each validation of a training: logits, false marks and presence of each image.

    Args:
        folder: Where the files go; those of a step that is done again are replaced.
    """

    priority = 'LOW'

    def __init__(self, *, folder: str) -> None:
        self.folder = Path(folder)
        self._rows: dict[str, Row] = {}

    def before_val_epoch(self, runner: Any) -> None:
        """Forget the last validation."""
        self._rows = {}

    def after_val_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Count the pixels of a batch."""
        self._rows |= held_out_rows(where(outputs, has_mask))

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the file, with the images of all processes."""
        together: dict[str, Row] = {}
        for rows in all_gather_object(self._rows):
            together |= rows
        if is_main_process() and together:
            write_held_out(step_file(self.folder, runner.iter), together)


def step_file(folder: Path, step: int) -> Path:
    """The file of the validation after a number of steps."""
    return folder / f'step_{step:07d}.npz'


def has_mask(sample: SegDataSample) -> bool:
    """Whether it is known of each pixel of an image if it is lesion."""
    return 'gt_sem_seg' in sample and not is_image_label(sample.metainfo)


def held_out_rows(samples: Iterable[SegDataSample]) -> dict[str, Row]:
    """What predictions say of pixels, by image; of predictions at the temperature :data:`PROBE`.

    Args:
        samples: With the metainfo of an index, ``gt_sem_seg`` and ``seg_logits``.
    """
    found = {}
    for sample in samples:
        probability = lesion_probability(sample.seg_logits.data)
        truth = sample.gt_sem_seg.data[0].to(probability.device) == 1
        meta = sample.metainfo
        patient = f'{origin_of(meta.get("source", ""))}/{meta.get("patient_id", "")}'
        counts = count_logits(probability, truth, PROBE)
        marks = false_marks(truth.cpu().numpy(), probability.cpu().numpy(), _THRESHOLDS)
        closed = bool(meta.get('closed', False))
        found[meta['image']] = (patient, int(truth.sum()), counts.numpy(), marks, closed)
    return found
