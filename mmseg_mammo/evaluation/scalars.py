"""What the metric's scalars mean: direction, range and unit of each, declared once.

Who saves the best checkpoint, searches, prints or documents a scalar reads it here.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

MONITOR = 'lesion_dice'  # what checkpoints, search and the console go by
HIGHER, LOWER = 'higher', 'lower'
_STRATA = ('', 'lesion_', 'normal_')
_INDEX = '<k>'  # in a name: the number of a candidate mask


@dataclass(frozen=True)
class Scalar:
    """One or more scalars of a metric that mean the same of different things.

    Attributes:
        names: As the metric gives them, ``<k>`` for the number of a candidate.
        meaning: What it is a number of, in Markdown.
        better: :data:`HIGHER`, :data:`LOWER`, or empty where neither is.
        low: The lowest possible value.
        high: The highest possible value; infinite where there is none.
        unit: ``'%'``, ``'pixels'``, …; empty for a plain number.
        of_candidates: Whether only models with candidate masks have it; there it also comes with
            the prefixes ``lesion_`` and ``normal_``.
        of_presence: Whether only models have it that say if there is a lesion at all.
        of_stages: Whether only models of two stages have it.
    """

    names: tuple[str, ...]
    meaning: str
    better: str = HIGHER
    low: float = 0.0
    high: float = 100.0
    unit: str = '%'
    of_candidates: bool = False
    of_presence: bool = False
    of_stages: bool = False

    @property
    def special(self) -> bool:
        """Whether only some models have it."""
        return self.of_candidates or self.of_presence or self.of_stages

    def covers(self, name: str) -> bool:
        """Whether ``name`` is one of its names."""
        strata = '|'.join(_STRATA) if self.of_candidates else ''
        known = '|'.join(re.escape(one).replace(re.escape(_INDEX), r'\d+') for one in self.names)
        return re.fullmatch(f'({strata})({known})', name) is not None

    def range(self) -> str:
        """Range and unit in words, such as ``0 to 100 %``."""
        end = (
            'from 0'
            if math.isinf(self.high)
            else f'{self.low:g} to {self.high:g}'.replace('-', '−')
        )
        return f'{end} {self.unit}'.rstrip()


def _candidates(*names: str, meaning: str, better: str = HIGHER, low: float = 0.0) -> Scalar:
    return Scalar(names, meaning, better, low, of_candidates=True)


SCALARS = (
    Scalar(('iou', 'dice'), 'all images: the convention of the thesis'),
    Scalar(('lesion_iou', 'lesion_dice'), 'images with a lesion'),
    Scalar(('normal_iou', 'normal_dice'), 'images that a reader found normal'),
    Scalar(('specificity',), 'images that a reader found normal: those with an empty prediction'),
    Scalar(
        ('predict_nothing_iou', 'predict_nothing_dice'),
        'all images, of a model that never marks anything: it depends on the data alone',
        better='',
    ),
    Scalar(
        ('auroc',),
        'all images: the maximum probability of an image as a detector of lesions',
        high=1.0,
        unit='',
    ),
    Scalar(
        ('lesion_sensitivity_iou10', 'lesion_sensitivity_centre'),
        'all true lesions: those that were found, by either criterion below; tests only, as the '
        'next four rows',
    ),
    Scalar(
        ('false_positives_per_image',),
        'all images: predicted lesions that match none at IoU 0.1',
        better=LOWER,
        high=math.inf,
        unit='',
    ),
    Scalar(
        ('lesion_hausdorff95',),
        'images with a lesion: 95 % Hausdorff distance on the grid',
        better=LOWER,
        high=math.inf,
        unit='pixels',
    ),
    Scalar(
        ('lesion_hausdorff95_mm',),
        'images with a lesion whose pixels have a known size: the same in mm',
        better=LOWER,
        high=math.inf,
        unit='mm',
    ),
    Scalar(('lesion_surface_dice',), 'images with a lesion: surface Dice'),
    Scalar(
        ('images', 'lesion_images', 'normal_images'), 'counts', better='', high=math.inf, unit=''
    ),
    Scalar(
        ('image_label_images',),
        'a count, where there are some: images with a lesion that nobody outlined; they count in '
        '`auroc` and `presence_auroc` alone',
        better='',
        high=math.inf,
        unit='',
    ),
    Scalar(
        ('presence_auroc',),
        'all images that the model was asked about: the presence of a lesion, as the model gives '
        'it, as a detector of images with one; models with presence only, as the next row',
        high=1.0,
        unit='',
        of_presence=True,
    ),
    Scalar(
        ('ungated_lesion_dice', 'ungated_specificity'),
        '`lesion_dice` and `specificity` as if no image were closed',
        of_presence=True,
    ),
    Scalar(
        ('lost_not_found', 'lost_ranked_away', 'lost_segmented_badly'),
        'all true lesions: those that a model of two stages does not hit at IoU 0.1, by where it '
        'loses them; tests only, models of two stages only',
        better=LOWER,
        of_stages=True,
    ),
    _candidates(
        'candidate_<k>_iou',
        'candidate_<k>_dice',
        meaning='one candidate, always the same: what keeping it everywhere would score',
    ),
    _candidates(
        'hindsight_iou',
        'hindsight_dice',
        meaning='the best mask of each image, chosen by the truth: what a better choice could give',
    ),
    _candidates(
        'chosen_iou_error',
        meaning='predicted minus actual IoU of the kept candidate over images of one object, mean '
        'of the absolute difference',
        better=LOWER,
    ),
    _candidates(
        'chosen_iou_bias',
        meaning='the same, mean of the signed difference: 0 is best, a positive bias is '
        'overconfidence',
        better='',
        low=-100.0,
    ),
    _candidates(
        'candidates_iou_error', meaning='as `chosen_iou_error`, over all candidates', better=LOWER
    ),
    _candidates(
        'candidates_iou_bias',
        meaning='as `chosen_iou_bias`, over all candidates',
        better='',
        low=-100.0,
    ),
    Scalar(
        ('calibrated_images',),
        'a count: the images of one object, which alone the errors, the biases and '
        '`chosen_iou_ece` are over',
        better='',
        high=math.inf,
        unit='',
        of_candidates=True,
    ),
    Scalar(
        ('unprompted_images',),
        'a count, where prompts are given: the images without one, which are predicted empty',
        better='',
        high=math.inf,
        unit='',
        of_candidates=True,
    ),
    _candidates(
        'chosen_iou_ece',
        meaning='expected calibration error of the predicted IoU of the kept candidate: images in '
        'ten bins by it, the mean over bins, weighted by their images, of the absolute difference '
        'between the means of predicted and actual IoU',
        better=LOWER,
    ),
)


def scalar(name: str) -> Scalar | None:
    """What is declared of a scalar; None if it is not one of this project's metric.

    Args:
        name: Perhaps with the prefix of a metric (``mine/dice``), or ``raw_``, of the weights
            before averaging.

    >>> scalar('raw_lesion_dice').better
    'higher'
    """
    bare = name.rpartition('/')[2].removeprefix('raw_')
    return next((one for one in SCALARS if one.covers(bare)), None)


def better(name: str) -> str:
    """:data:`HIGHER` or :data:`LOWER`; the higher also where nothing is declared.

    >>> better('lesion_hausdorff95')
    'lower'
    """
    declared = scalar(name)
    return LOWER if declared and declared.better == LOWER else HIGHER


def best(name: str, values: Iterable[float]) -> float:
    """The best of the values of a scalar: the lowest where lower is better, else the highest.

    Args:
        name: Of a scalar, also of another metric's.
        values: At least one; none is NaN.

    >>> best('false_positives_per_image', [0.5, 2.0]), best('dice', [20.0, 60.0])
    (0.5, 60.0)
    """
    return min(values) if better(name) == LOWER else max(values)
