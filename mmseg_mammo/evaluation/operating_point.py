"""Image-level detection: AUROC of a score, and the threshold for a given sensitivity."""

import numpy as np
from sklearn.metrics import roc_auc_score

SENSITIVITY = 95  # percent


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, 0 to 1, ties counting one half; NaN if a class is missing.

    Args:
        positive: N bool.
        scores: N numbers, higher for positive.

    >>> auroc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    if positive.all() or not positive.any():
        return float('nan')
    return float(roc_auc_score(positive, scores))


def cut_below(score: float) -> float:
    """The highest threshold of float32 that ``score`` exceeds, as a lesion's pixel does.

    >>> cut_below(0.5) < 0.5, 0.5 - cut_below(0.5) < 1e-7
    (True, True)
    """
    return float(max(np.nextafter(np.float32(score), np.float32(-1)), np.float32(0)))


def threshold_for(scores: np.ndarray, percent: int = SENSITIVITY) -> float:
    """The highest threshold t so that ``percent`` of N scores are at least t.

    Args:
        scores: N numbers, those of the positive images.
        percent: The sensitivity.

    >>> threshold_for(np.arange(1, 101) / 100)
    0.06
    """
    return float(np.sort(scores)[len(scores) * (100 - percent) // 100])
