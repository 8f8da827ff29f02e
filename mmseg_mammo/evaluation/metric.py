"""Metric for MMEngine: keeps one record per image, and scores all, lesion and normal images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.candidates import (
    candidate_columns,
    prompt_columns,
    summarise_candidates,
)
from mmseg_mammo.evaluation.conformal.kept import describe_kept, promise_columns
from mmseg_mammo.evaluation.grids import (
    candidates_on,
    check_finite,
    check_threshold,
    lesion_probability,
    prediction_origin,
    probability_on,
)
from mmseg_mammo.evaluation.image_level.presence import (
    is_closed,
    presence_columns,
    summarise_presence,
)
from mmseg_mammo.evaluation.label_images import LabelImages, image_identity
from mmseg_mammo.evaluation.lesions import summarise_lesions
from mmseg_mammo.evaluation.overlap import Overlap, overlap, summarise_records, without_truth
from mmseg_mammo.evaluation.regions import FLOOR
from mmseg_mammo.evaluation.surface import hausdorff95_mm, surface_agreement
from mmseg_mammo.evaluation.table import format_table
from mmseg_mammo.evaluation.two_stage.lost import compare_stages, summarise_lost
from mmseg_mammo.io.image import resize_mask
from mmseg_mammo.io.image_keys import image_keys
from mmseg_mammo.io.index import DESCRIPTION
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import CANDIDATE_ROWS, IMAGE_COLUMNS, LESION_ROWS
from mmseg_mammo.io.spacing import size_on

THESIS_GRID = (224, 224)


@METRICS.register_module()
class MammographyMetric(BaseMetric):
    """IoU and Dice per image, for all, lesion and normal images; see :func:`summarise`.

    The scalars can be monitors (``save_best='lesion_dice'``); :mod:`.scalars` declares the
    direction, range and unit of each. ``records`` keeps one dict per image after each evaluation,
    on the main process; ``lesion_rows`` one per lesion and detection, if asked for, and
    ``candidate_rows`` one per candidate of two stages. Of an image whose lesion has no mask
    (:func:`.is_image_label`) only what the model made is there; it counts in ``auroc``.

    By default masks are compared on the grid of the prepared mask file, onto which mmseg
    resizes the logits bilinearly.

    Args:
        eval_size: (H, W), or the side of a square, to compare on instead, such as 224 for the
            thesis's numbers: probabilities are the network's own, if that is the grid of its
            input and the model keeps them, else resized bilinearly (:func:`.probability_on`; each
            record says which); true masks by nearest neighbour, but so that no lesion vanishes.
        threshold: Probability above which a pixel is lesion; that of the decode head.
        lesions: Whether to look at each lesion too (:func:`.compare_stages`,
            :func:`surface_agreement`), and to count pixels on the thesis's 224×224 grid beside
            the other. For tests, not for the validation of each epoch: it takes about a tenth
            of a second per image of three megapixels.
        detection_floor: Probability up to which nothing is a detection, 0 to 1.
        promise: What was promised of the threshold, for ``promise_loss`` of the records: ``target``
            such as ``'pixel-recall=0.9'``, and what the calibration said; see :mod:`.kept`.
        output_dir: Folder for the predicted masks as label images, 0 and 1, on the grid of the
            prepared images (:class:`.LabelImages`); None for none. ``test.py --out``.
        format_only: Whether to write these and compare nothing, so that no truth is needed.
        keep_results: As mmseg's ``test.py --out`` sets it; label images are kept in any case.
        kwargs: ``collect_device``, ``prefix``; see ``mmengine.evaluator.BaseMetric``.
    """

    default_prefix = ''

    def __init__(
        self,
        *,
        eval_size: tuple[int, int] | int | None = None,
        threshold: float = 0.5,
        lesions: bool = False,
        detection_floor: float = FLOOR,
        promise: dict | None = None,
        output_dir: str | None = None,
        format_only: bool = False,
        keep_results: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if format_only and not output_dir:
            raise MammoError('format_only=True without output_dir', 'a folder for label images')
        self.format_only = format_only
        self.label_images = LabelImages(output_dir) if output_dir else None
        if isinstance(eval_size, int):
            eval_size = (eval_size, eval_size)
        self.eval_size = (eval_size[0], eval_size[1]) if eval_size else None  # configs give lists
        self.threshold = threshold
        if not 0 <= detection_floor <= 1:
            raise MammoError(
                f'detection_floor={detection_floor}',
                'a probability from 0 to 1',
                f'Set test_evaluator.detection_floor; {FLOOR} is the default',
            )
        self.promise = promise
        self.lesions = lesions
        self.detection_floor = detection_floor
        self.records: list[dict] = []
        self.lesion_rows: list[dict] = []
        self.candidate_rows: list[dict] = []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Append one record per image.

        Args:
            data_batch: Not used.
            data_samples: mmseg's samples as dicts, with ``seg_logits`` (1×H×W probabilities or
                2×H×W logits), ``pred_sem_seg`` and ``gt_sem_seg`` (1×H×W), and, on the grid of
                the network, ``input_logits`` where the model keeps them. Of a promptable
                model also ``candidates`` (K×H×W logits), ``candidate_iou``, ``chosen``,
                ``prompts_from``, ``prompt_points`` and ``prompt_boxes``, and of several objects
                ``best_of_each`` (1×H×W logits); see :mod:`.candidates`. Of one with presence
                ``presence``, ``presence_logit`` and ``closed``. ``extent_mm``, height and
                width of the whole image in mm, where known.
        """
        for sample in data_samples:
            probability = lesion_probability(sample['seg_logits']['data'])
            check_finite(probability, sample)
            predicted, closed = sample['pred_sem_seg']['data'][0] > 0, is_closed(sample)
            if self.label_images:
                self.label_images.write(sample, predicted.cpu().numpy())
            if self.format_only:
                names = zip(('source', 'image'), image_identity(sample), strict=True)
                self.results.append(dict(names))
                continue
            original = truth = sample['gt_sem_seg']['data'][0].cpu().numpy() > 0
            promised = promise_columns(self.promise, sample, predicted.cpu().numpy(), truth)
            if not closed:
                check_threshold(probability, predicted, self.threshold)
            if self.eval_size:
                probability = probability_on(sample, self.eval_size)
                truth = resize_mask(truth, self.eval_size)  # a lesion stays one
            if self.eval_size or closed:  # as if it were open
                predicted = probability > self.threshold
            mask = predicted.cpu().numpy()
            presence = presence_columns(sample, overlap(mask, truth), float(probability.max()))
            if closed:
                mask, probability = np.zeros_like(mask), torch.zeros_like(probability)
            counts = overlap(mask, truth)
            record = _record(sample, counts, truth.shape, float(probability.max()))
            if self.eval_size:
                record['prediction_from'] = prediction_origin(sample, self.eval_size)
            record.update(presence)
            record.update(self._candidates(sample, truth, counts))
            record.update(prompt_columns(sample))
            if self.lesions:
                record.update(self._thesis_grid(sample, original))
                record.update(self._lesion_level(sample, probability, mask, truth))
            if is_image_label(sample):  # its truth is 255 everywhere
                record = {**without_truth(record), LESION_ROWS: []}
            self.results.append(record | promised)

    def _thesis_grid(self, sample: dict, truth: np.ndarray) -> dict[str, int | str]:
        predicted = (probability_on(sample, THESIS_GRID) > self.threshold).cpu().numpy()
        counts = overlap(predicted & (not is_closed(sample)), resize_mask(truth, THESIS_GRID))
        pixels = {f'{name}_pixels_224': count for name, count in vars(counts).items()}
        return {**pixels, 'prediction_from_224': prediction_origin(sample, THESIS_GRID)}

    def _lesion_level(
        self, sample: dict, probability: Tensor, predicted: np.ndarray, truth: np.ndarray
    ) -> dict[str, Any]:
        given, extent = probability.cpu().numpy(), sample.get('extent_mm')
        pixel = size_on(extent, (truth.shape[0], truth.shape[1])) if extent else None
        counts, rows = compare_stages(sample, truth, predicted, given, self.detection_floor, pixel)
        hausdorff95, surface_dice = surface_agreement(predicted, truth)
        further = {
            'hausdorff95': hausdorff95,
            'surface_dice': surface_dice,
            'hausdorff95_mm': hausdorff95_mm(predicted, truth, pixel),
        }
        return {**counts, **further, **rows}

    def _candidates(self, sample: dict, truth: np.ndarray, kept: Overlap) -> dict[str, float]:
        if 'candidate_iou' not in sample:
            return {}
        count = len(sample['candidates']['data'])
        offered = [sample[name] for name in ('candidates', 'best_of_each') if name in sample]
        cut = torch.logit(torch.tensor(self.threshold))  # as the model cuts the kept one
        masks = torch.cat([one['data'] for one in offered]).float() > cut
        if self.eval_size:
            masks = candidates_on(sample, self.eval_size) > self.threshold
        candidates, best = masks.cpu().numpy()[:count], masks.cpu().numpy()[count:]
        told = sample['candidate_iou'], sample['chosen']
        return candidate_columns(candidates, truth, *told, kept, best[0] if len(best) else None)

    def score_names(self) -> set[str]:
        """The scalars of :meth:`compute_metrics`, but for those that not all models have."""
        further = summarise_lesions([]) if self.lesions else {}
        return {*summarise_records([]), *further}

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Summarise the records of all processes; an image that came twice counts once."""
        unique = {(record['source'], record['image']): record for record in results}
        keys = image_keys(unique)
        if self.label_images:
            self.label_images.finish(keys)
            print_log(f'{len(keys)} label images: {self.label_images.folder}', 'current')
        if self.format_only:
            return {}
        self.records = [{'key': keys[name], **record} for name, record in unique.items()]
        # They lie in the records: mmengine gathers one result per image.
        self.lesion_rows, self.candidate_rows = (
            [
                {column: record[column] for column in IMAGE_COLUMNS} | row
                for record in self.records
                for row in record.pop(nested, ())
            ]
            for nested in (LESION_ROWS, CANDIDATE_ROWS)
        )
        masked = [record for record in self.records if not is_image_label(record)]
        scores = summarise_records(self.records) | summarise_presence(self.records)
        scores.update(summarise_candidates(masked))
        if self.lesions:
            scores.update(summarise_lesions(masked) | summarise_lost(masked))
        print_log(f'\n{format_table(scores, self.records, self.eval_size)}', 'current')
        if self.promise:
            print_log(describe_kept(self.promise, self.records), 'current')
        return scores


def _record(sample: dict, counts: Overlap, grid: tuple[int, int], max_probability: float) -> dict:
    return {
        **{name: sample.get(name, '') for name in DESCRIPTION},
        **dict(zip(('source', 'image'), image_identity(sample), strict=True)),
        **dict(zip(('height', 'width'), grid, strict=True)),
        'truth_pixels': counts.truth,
        'predicted_pixels': counts.predicted,
        'intersection_pixels': counts.intersection,
        'iou': counts.iou,
        'dice': counts.dice,
        'max_probability': max_probability,
    }
