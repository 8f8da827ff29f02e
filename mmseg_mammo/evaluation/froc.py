"""Free-response ROC: lesion sensitivity against false positives per image, at every threshold."""

from collections.abc import Iterator

import numpy as np

from mmseg_mammo.evaluation.bootstrap import (
    FEWEST,
    ROUNDS,
    Estimate,
    draws,
    estimate,
    seed_of,
)
from mmseg_mammo.io.run_folder import Records

# CAMELYON 16's, and MONAI's default.
OPERATING_POINTS = (0.25, 0.5, 1, 2, 4, 8)
# Column of lesions_test.csv that says which detection, or lesion, belongs to a row.
CRITERIA = {'IoU ≥ 0.1': 'match', 'centre': 'centre_match'}
_CHUNK = 200  # draws at once: bounds memory for many detections
Curve = tuple[np.ndarray, np.ndarray]


def froc(images: Records, lesions: Records, criterion: str) -> Curve:
    """False positives per image and sensitivity, both D float, the lowest threshold first.

    MONAI's ``compute_froc_curve_data``: a lesion has the score of the surest detection that hits
    it; a detection that hits none is a false positive; a second one on a lesion is neither by
    the centre criterion, and a false positive by IoU, which matches one to one.

    Args:
        images: One line for each of N images.
        lesions: One for each true lesion and each detection in them.
        criterion: A key of :data:`CRITERIA`.
    """
    from monai.metrics import compute_froc_curve_data  # imports torch: seconds

    (hits, _), (false, _), true = _events(lesions, criterion)
    # MONAI takes the lowest score for that of a miss, and leaves it out.
    found = np.append(hits, np.zeros(len(true) - len(hits)))
    with np.errstate(invalid='ignore'):
        return compute_froc_curve_data(np.append(false, 0.0), found, len(true), len(images))


def sensitivities(
    images: Records, lesions: Records, criterion: str, curve: Curve
) -> tuple[Estimate, ...]:
    """Sensitivity in percent at each operating point, their mean, and the highest of the ``curve``.

    Values are MONAI's; intervals are over patients: every draw has a curve of its own.
    """
    from monai.metrics import compute_froc_score

    points = (*((point,) for point in OPERATING_POINTS), OPERATING_POINTS)
    values = [
        *(compute_froc_score(*curve, eval_thresholds=each) for each in points),
        curve[1].max(),
    ]
    patients = dict(zip(images['key'].tolist(), images.patients.tolist(), strict=True))
    own = len({patients[key] for key in _events(lesions, criterion)[2]})
    rounds = list(_rounds(images, lesions, criterion))
    columns = np.concatenate(rounds).T if rounds else [np.empty(0)] * len(values)
    return tuple(
        estimate(100 * float(value), 100 * column, own)
        for value, column in zip(values, columns, strict=True)
    )


def _rounds(images: Records, lesions: Records, criterion: str) -> Iterator[np.ndarray]:
    """The numbers of :func:`sensitivities` as shares, draws × 8; nothing below five with lesions."""
    names, codes = np.unique(images.patients, return_inverse=True)
    hits, false, true = _events(lesions, criterion)
    patient = dict(zip(images['key'].tolist(), codes.tolist(), strict=True))
    scores = np.concatenate([hits[0], false[0]])
    with_lesion = np.array([patient[key] for key in true], dtype=int)
    if len(set(with_lesion)) < FEWEST:
        return
    order = np.argsort(-scores, kind='stable')
    ends = np.flatnonzero(np.diff(scores[order], append=np.inf))  # equal scores come together
    is_hit = order < len(hits[0])
    owner = np.array([patient[key] for key in (*hits[1], *false[1])], dtype=int)[order]
    drawn = draws(len(names), seed_of(names))
    shown = drawn @ np.bincount(codes, minlength=len(names))
    total = drawn @ np.bincount(with_lesion, minlength=len(names))
    for part in (slice(i, i + _CHUNK) for i in range(0, ROUNDS, _CHUNK)):
        weights = drawn[part][:, owner]
        with np.errstate(invalid='ignore', divide='ignore'):
            rate, found = (
                np.pad(np.cumsum(weights * kind, axis=1)[:, ends], ((0, 0), (1, 0)))
                / divisor[part, None]
                for kind, divisor in ((~is_hit, shown), (is_hit, total))
            )
        at = np.array(
            [np.interp(OPERATING_POINTS, *each) for each in zip(rate, found, strict=True)]
        )
        yield np.column_stack([at, at.mean(axis=1), found[:, -1]])


def _events(
    rows: Records, criterion: str
) -> tuple[tuple[np.ndarray, list[str]], tuple[np.ndarray, list[str]], list[str]]:
    """Scores and image keys of lesions that are hit, those of false positives, keys of lesions."""
    column = CRITERIA[criterion]
    true, missed = rows['kind'] == 'true', np.isnan(rows[column])
    hit, false = rows.where(true & ~missed), rows.where(~true & missed)
    hits = _scores(rows, hit, column), hit['key'].tolist()
    return hits, (false['score'], false['key'].tolist()), rows['key'][true].tolist()


def _scores(rows: Records, hit: Records, column: str) -> np.ndarray:
    """Scores of the detections that the lesions of ``hit`` name."""
    detections = rows.where(rows['kind'] == 'detection')
    keys = zip(detections['key'].tolist(), detections['number'].tolist(), strict=True)
    known = dict(zip(keys, detections['score'].tolist(), strict=True))
    named = zip(hit['key'].tolist(), hit[column].tolist(), strict=True)
    return np.array([known[each] for each in named])
