"""Ranking and keep rule: what the scores of a validation say about which candidates to keep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from mmseg_mammo.errors import MammoError

THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)
MIN_SCORES = np.round(np.arange(0.0, 1.0, 0.05), 2)
MOST = 12  # candidates an image: all sets of them are counted


@dataclass(frozen=True)
class Counted:
    """Pixels of one validation image by the candidates that mark them.

    Attributes:
        counts: T×2^K×2: pixels that exactly the candidates of a set of bits mark at a threshold,
            background and lesion.
        lesion: Lesion pixels of the whole image.
    """

    counts: np.ndarray
    lesion: int


@dataclass(frozen=True)
class Kept:
    """The keep rule, and what it gives on the images that it was chosen on.

    Attributes:
        count: Most candidates that are kept.
        min_score: Lowest score of one that is.
        threshold: Probability above which a pixel of a crop is lesion.
        dice: Mean Dice in percent, a missed lesion 0; a normal image 100 if empty, else 0.
        lesion_dice: Of images with a lesion alone; NaN without any.
    """

    count: int
    min_score: float
    threshold: float
    dice: float
    lesion_dice: float


def fit_ranking(logits: np.ndarray, hits: np.ndarray) -> tuple[list[float], float] | None:
    """Fit the ranking of candidates by logistic regression.

    What speaks for a lesion never counts against one: a score whose weight would be negative, as
    few images give by chance, is left out.

    Args:
        logits: N×3, of the finder's score, the refiner's presence and its highest probability.
        hits: N bool, whether the crop of a candidate holds a lesion.

    Returns:
        Three weights, none of them negative, and the bias; None where all are of one kind, or where
        no score is higher for a lesion: nothing can be learned of these.
    """
    if hits.all() or not hits.any():
        return None
    used = list(range(logits.shape[1]))
    while used:
        model = LogisticRegression(max_iter=1000).fit(logits[:, used], hits)
        if (model.coef_[0] >= 0).all():
            weights = np.zeros(logits.shape[1])
            weights[used] = model.coef_[0]
            return weights.tolist(), float(model.intercept_[0])
        used.pop(int(model.coef_[0].argmin()))
    return None


def count_pixels(
    probabilities: Sequence[np.ndarray], truth: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> Counted:
    """Count the pixels of an image by the set of candidates that mark them.

    Args:
        probabilities: K maps of H×W, of each candidate alone; 0 outside its crop.
        truth: H×W bool.
        thresholds: T.

    Raises:
        MammoError: There are more candidates than sets of them can be counted of.

    >>> one = count_pixels([np.array([[0.2, 0.9]])], np.array([[False, True]]), np.array([0.5]))
    >>> one.counts[0].tolist(), one.lesion
    ([[0, 0], [0, 1]], 1)
    """
    count = len(probabilities)
    if count > MOST:
        raise MammoError(f'candidates.count={count}', f'1 to {MOST}, to choose the keep rule')
    sets = 2**count
    found = np.zeros((len(thresholds), sets, 2), np.int64)
    marked = np.zeros(truth.shape, bool)
    for one in probabilities:
        marked |= one > thresholds.min()
    inside = [one[marked] for one in probabilities]
    kind = truth[marked]
    for row, threshold in enumerate(thresholds):
        bits = np.zeros(kind.shape, np.int64)
        for number, one in enumerate(inside):
            bits |= (one > threshold).astype(np.int64) << number
        found[row] = np.bincount(2 * bits + kind, minlength=2 * sets).reshape(sets, 2)
    found[:, 0] = 0  # marked by none
    return Counted(found, int(truth.sum()))


def dice_by_kept(image: Counted, order: Sequence[int] | np.ndarray) -> np.ndarray:
    """Dice of an image with the first n candidates of an order, T×(K+1) from 0 to 1.

    Of an image without a lesion it is 1 where nothing is marked, else 0.
    """
    sets = np.arange(image.counts.shape[1])
    columns, kept = [], 0
    for n in range(len(order) + 1):
        if n:
            kept |= 1 << int(order[n - 1])
        # T×2, background and lesion pixels that any of the kept ones marks
        marked = image.counts[:, (sets & kept) > 0].sum(axis=1)
        if image.lesion:
            columns.append(2 * marked[:, 1] / (marked.sum(axis=1) + image.lesion))
        else:
            columns.append((marked.sum(axis=1) == 0).astype(float))
    return np.stack(columns, axis=1)


def choose_keep(images: Sequence[Counted], scores: Sequence[np.ndarray], most: int) -> Kept:
    """Choose how many candidates to keep, from which score on, and the threshold of pixels.

    The best mean Dice wins; of equal ones fewer candidates, the lower score and the threshold that
    is nearer to one half.

    Args:
        images: N, each with K candidates; K may differ.
        scores: Of the candidates of each, K values from 0 to 1.
        most: Highest number that may be kept.

    Raises:
        MammoError: There are no images.
    """
    if not images:
        raise MammoError(
            'No validation image has a mask to choose the keep rule by', 'annotated images'
        )
    tables = []  # N of T×(most+1): Dice with the n best
    ranked = np.full((len(images), most), -np.inf)
    for row, (image, own) in enumerate(zip(images, scores, strict=True)):
        order = np.argsort(-own, kind='stable')
        table = dice_by_kept(image, order)[:, : most + 1]
        tables.append(np.pad(table, ((0, 0), (0, most + 1 - table.shape[1])), mode='edge'))
        ranked[row, : min(len(own), most)] = own[order][:most]
    dice = np.stack(tables)
    lesion = np.array([image.lesion > 0 for image in images])
    rows = np.arange(len(images))
    best: tuple[tuple[float, ...], Kept] | None = None
    for count in range(1, most + 1):
        for least in MIN_SCORES:
            kept = np.minimum((ranked >= least).sum(axis=1), count)
            found = dice[rows, :, kept]  # N×T
            for column, mean in enumerate(found.mean(axis=0)):
                threshold = float(THRESHOLDS[column])
                key = (round(mean, 9), -count, -float(least), -abs(threshold - 0.5))
                if best is None or key > best[0]:
                    own = found[lesion, column]
                    of_lesions = float(own.mean()) * 100 if len(own) else float('nan')
                    rule = Kept(count, float(least), threshold, 100 * float(mean), of_lesions)
                    best = (key, rule)
    assert best is not None
    return best[1]
