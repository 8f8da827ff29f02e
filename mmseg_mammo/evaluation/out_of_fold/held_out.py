"""Held-out images: what models say of pixels that they never saw, cut where the other folds choose.

Shape shorthand: N images, K bins of logits, C cuts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.bootstrap import Estimate, difference, mean
from mmseg_mammo.evaluation.calibration import fit_temperature
from mmseg_mammo.evaluation.out_of_fold.cuts import AtCuts
from mmseg_mammo.io.files import write_atomic

RANGE, WIDTH = 64.0, 0.02  # of the histogram of logits
BINS = round(2 * RANGE / WIDTH)
_STEP = 10  # bins from one cut to the next
_MOST = 12.0  # logits that are cut at: probabilities from 6e-6 to 1 - 6e-6
_FIRST = round((RANGE - _MOST) / WIDTH)
# Bins below which nothing is marked, by the cut.
_PLACES = np.arange(_FIRST, BINS - _FIRST + 1, _STEP)
CUTS = _PLACES * WIDTH - RANGE
# What is known of an image: its patient, pixels of its lesion, 2×K counts, C false marks, if it is closed.
Row = tuple[str, int, np.ndarray, np.ndarray, bool]

_STORED = ('images', 'patients', 'lesion', 'counts', 'false_marks', 'closed')


@dataclass(frozen=True)
class HeldOut:
    """Images with a mask or without a lesion, each seen by a model that was not trained on its patient.

    Attributes:
        images: N names.
        patients: N texts that tell patients apart.
        folds: N numbers.
        lesion: N pixels of the true mask; 0 of normal images.
        counts: N×2×K pixels by their logit, of background and of lesion.
        false_marks: N×C, at each of :data:`CUTS`; see :func:`~..lesions.false_marks`.
        closed: N bool, whether presence closes the image, whose mask is empty then at every cut.
    """

    images: np.ndarray
    patients: np.ndarray
    folds: np.ndarray
    lesion: np.ndarray
    counts: np.ndarray
    false_marks: np.ndarray
    closed: np.ndarray

    @cached_property
    def dice(self) -> np.ndarray:
        """N×C: Dice from 0 to 1 at each of :data:`CUTS`; of a normal image whether nothing is marked."""
        marked = self.counts[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        # Nothing is above the last bin.
        marked = np.concatenate([marked, np.zeros_like(marked[:, :, :1])], axis=2)[:, :, _PLACES]
        wrong, right = marked[:, 0], marked[:, 1]
        below = wrong + right + self.lesion[:, None]
        normal = (self.lesion == 0)[:, None]
        found = np.where(normal, below == 0, 2 * right / np.maximum(below, 1))
        return np.where(self.closed[:, None], normal, found)

    @cached_property
    def at_cuts(self) -> AtCuts:
        """The images at each of :data:`CUTS`."""
        false_marks = np.where(self.closed[:, None], 0, self.false_marks)
        return AtCuts(self.dice, false_marks, self.lesion > 0, self.patients, self.folds)

    def temperature(self) -> float:
        """The temperature of the lowest likelihood loss over pixels; 1 without pixels of both kinds.

        Those of closed images count: their probabilities stay.
        """
        background, lesion = self.counts.sum(axis=0)
        if not lesion.any() or not background.any():
            return 1.0
        middles = (np.arange(BINS) + 0.5) * WIDTH - RANGE
        return fit_temperature(middles, lesion, background)


@dataclass(frozen=True)
class Scores:
    """Dice and false marks of held-out images, each cut where the images of the other folds choose.

    Attributes:
        dice: N, 0 to 1; see :attr:`HeldOut.dice`.
        false_marks: N, at the same cuts.
        lesion: N bool, whether there is a lesion.
        patients: N texts.
    """

    dice: np.ndarray
    false_marks: np.ndarray
    lesion: np.ndarray
    patients: np.ndarray

    def mean(self) -> float:
        """Over all images, from 0 to 1."""
        return float(self.dice.mean())

    def of_lesions(self) -> Estimate:
        """The mean over images with a lesion, in percent, with its interval over patients."""
        return self._mean(self.lesion)

    def of_all(self) -> Estimate:
        """The mean over all images, in percent, with its interval over patients."""
        return self._mean(np.ones(len(self.dice), bool))

    def _mean(self, chosen: np.ndarray) -> Estimate:
        if not chosen.any():
            return Estimate(np.nan, np.nan, np.nan, np.empty(0))
        return mean(self.dice[chosen], self.patients[chosen]).scale(100)


def cross_fitted(held: HeldOut, place: int | None = None, default: int | None = None) -> Scores:
    """Dice and false marks of each image at the cut that the images of the other folds choose.

    Args:
        held: The images.
        place: In :data:`CUTS`, for all of them; None: chosen.
        default: Where no cut finds a lesion of the other folds, which would choose to mark nothing at
            all; None: that of a probability of 0.5.
    """
    default = place_of_logit(0.0) if default is None else default
    dice, false_marks = held.at_cuts.crossed(place, default)
    return Scores(dice, false_marks, held.lesion > 0, held.patients)


def gain(tuned: Scores, start: Scores, lesions: bool = True) -> Estimate:
    """What is won over the start, in percent, paired by patient.

    Args:
        tuned: Of the same images as ``start``.
        start: Likewise.
        lesions: Of images with a lesion alone.
    """
    if lesions:
        return difference(tuned.of_lesions(), start.of_lesions())
    return difference(tuned.of_all(), start.of_all())


def place_of_logit(logit: float) -> int:
    """The place in :data:`CUTS` nearest to a logit."""
    return int(np.abs(CUTS - logit).argmin())


def write_held_out(path: Path, rows: Mapping[str, Row]) -> None:
    """Write what a model made of images that it never saw.

    Args:
        path: A ``.npz`` file.
        rows: By image.
    """
    content: dict[str, Any] = {
        'images': np.array(list(rows), dtype=str),
        'patients': np.array([row[0] for row in rows.values()], dtype=str),
        'lesion': np.array([row[1] for row in rows.values()], dtype=np.int64),
        'counts': np.array([row[2] for row in rows.values()], dtype=np.int64).reshape(-1, 2, BINS),
        'false_marks': np.array([row[3] for row in rows.values()], np.int64).reshape(-1, len(CUTS)),
        'closed': np.array([row[4] for row in rows.values()], dtype=bool),
    }

    def write(stream: IO[bytes]) -> None:
        np.savez_compressed(stream, **content)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, write)


def read_held_out(files: Sequence[Path], folds: Mapping[str, int]) -> HeldOut:
    """Read what the models of all folds made of their images.

    Args:
        files: Of :func:`write_held_out`.
        folds: Fold of each image of the data.

    Raises:
        DataFileError: A file is missing or damaged, or has an image that is not in the data.
    """
    parts = []
    for file in files:
        try:
            with np.load(file, allow_pickle=False) as stored:
                parts.append({name: stored[name] for name in _STORED})
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise DataFileError(
                f'{file}: not readable ({error})', remedy='Train again in another --work-dir'
            ) from error
        if other := set(parts[-1]['images'].tolist()) - set(folds):
            raise DataFileError(
                f'{file}: image {min(other)!r} is not in the data',
                f'the {len(folds)} annotated images of splits train and val that the folds are of',
                'The folder is of other data: name another --work-dir',
            )
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole['images'], kind='stable')
    whole = {name: values[order] for name, values in whole.items()}
    numbers = np.array([folds[str(image)] for image in whole['images']])
    return HeldOut(folds=numbers, **whole)
