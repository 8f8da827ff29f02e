"""Candidates of one image: which lesions they find, and which regions are theirs. Pure functions.

A candidate is a peak of the finder's map, with the crop around it that the refiner looks at.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.regions import Regions, find_lesions
from mmseg_mammo.io.run_folder import CANDIDATE_SCORES

# A crop finds a lesion if it holds at least this share of its pixels.
HELD = 0.5


def held_shares(regions: Regions, crops: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """The share of each of R regions that lies in each of C crops, R×C float.

    Args:
        regions: On the grid of the crops.
        crops: Left, top, right and bottom of each, edges of pixels; they may reach beyond the image.
            A pixel is inside if its centre is.
    """
    shares = np.zeros((len(regions), len(crops)))
    for place, crop in enumerate(crops):
        left, top, right, bottom = (max(0, math.ceil(edge - 0.5)) for edge in crop)
        inside = regions.labels[top:bottom, left:right]
        counts = np.bincount(inside.ravel(), minlength=len(regions) + 1)[1:]
        shares[:, place] = counts / regions.pixels
    return shares


def crops_with_lesion(truth: np.ndarray, crops: Sequence[Sequence[float]]) -> np.ndarray:
    """Which of C crops hold at least half of a lesion (:func:`.find_lesions`), C bool.

    Args:
        truth: H×W bool.
        crops: See :func:`held_shares`.

    >>> truth = np.array([[True, True, False, False]])
    >>> crops_with_lesion(truth, [(1, 0, 4, 1), (2, 0, 4, 1), (-5, -5, 1, 1)]).tolist()
    [True, False, True]
    """
    shares = held_shares(find_lesions(truth), crops)
    return shares.max(axis=0, initial=0.0) >= HELD


@dataclass(frozen=True)
class Candidates:
    """C candidates of one image, best first, on the grid of a comparison.

    Attributes:
        given: As the model says them, in pixels of the prepared image.
        peaks: C×2 float, x and y; pixel centres are whole numbers.
        crops: C×4 float, left, top, right, bottom; edges of pixels, from 0 to the side.
        scores: C float, 0 to 1, after both stages.
        kept: C bool, those whose masks are in the prediction.
    """

    given: tuple[Mapping[str, Any], ...]
    peaks: np.ndarray
    crops: np.ndarray
    scores: np.ndarray
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.given)

    def held(self, regions: Regions) -> np.ndarray:
        """The share of each of R regions that lies in each crop, R×C float.

        Args:
            regions: On the grid of the candidates.
        """
        return held_shares(regions, self.crops)

    def lesions_at_peaks(self, lesions: Regions) -> np.ndarray:
        """Number of the lesion that each peak lies in, C int, 0 for none."""
        height, width = lesions.labels.shape
        x, y = np.floor(self.peaks + 0.5).astype(int).T
        return lesions.labels[y.clip(0, height - 1), x.clip(0, width - 1)]

    def rank(self, regions: Regions) -> np.ndarray:
        """Score of each of R regions of the mask, R float: the best of the kept candidates it is of.

        It is of those whose crops hold at least half of it; of one that several crops made
        together, which holds most.
        """
        held = np.where(self.kept, self.held(regions), 0.0)
        own = held >= np.minimum(HELD, held.max(axis=1, initial=0.0))[:, None]
        return np.where(own & (held > 0), self.scores, 0.0).max(axis=1, initial=0.0)


def read_candidates(sample: Mapping[str, Any], shape: tuple[int, int]) -> Candidates | None:
    """The candidates of a sample; None of a model of one stage.

    Args:
        sample: mmseg's sample as a dict, with its metainfo: ``candidates``, a list of dicts, and
            ``full_shape``, height and width of the image that their pixels are of; without it
            ``ori_shape``. The candidate masks of a promptable model have the same name, and are
            no list.
        shape: (H, W) of the grid of the comparison.
    """
    given = sample.get('candidates')
    if not isinstance(given, Sequence):
        return None
    own = tuple(sample.get('full_shape') or sample.get('ori_shape') or shape)[:2]
    scale = np.array([shape[1] / own[1], shape[0] / own[0]])
    peaks = np.array([[one['x'], one['y']] for one in given], float).reshape(-1, 2)
    crops = np.array([one['crop'] for one in given], float).reshape(-1, 4)
    return Candidates(
        given=tuple(given),
        peaks=(peaks + 0.5) * scale - 0.5,
        crops=crops * np.tile(scale, 2),
        scores=np.array([one['score'] for one in given], float),
        kept=np.array([one['kept'] for one in given], bool),
    )


def candidate_rows(
    candidates: Candidates, lesions: Regions | None, held: np.ndarray
) -> list[dict[str, Any]]:
    """One row for each candidate: values of ``CANDIDATE_COLUMNS``, without those of the image.

    Args:
        candidates: Of the image.
        lesions: The true ones; None where nobody outlined them.
        held: T×C share of each of them in each crop.
    """
    at = candidates.lesions_at_peaks(lesions) if lesions is not None else [0] * len(candidates)
    rows = []
    for place, one in enumerate(candidates.given):
        found = np.flatnonzero(held[:, place] >= HELD) + 1
        rows.append(
            {
                'number': place + 1,
                **{name: one[name] for name in ('x', 'y')},
                **dict(zip(('left', 'top', 'right', 'bottom'), one['crop'], strict=True)),
                **{name: one[name] for name in CANDIDATE_SCORES},
                'kept': int(one['kept']),
                'centre_match': int(at[place]) or '',
                'holds': ' '.join(map(str, found.tolist())),
            }
        )
    return rows
