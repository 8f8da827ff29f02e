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
_CELLS = 4_000_000  # detections of all draws at once: bounds memory
Curve = tuple[np.ndarray, np.ndarray]


def froc(images: Records, lesions: Records, criterion: str) -> Curve:
    """False positives per image and sensitivity, both D float, the lowest threshold first.

    The values of MONAI's ``compute_froc_curve_data``, whose time grows with the square of the
    number of detections: a lesion has the score of the surest detection that hits it; a detection
    that hits none is a false positive; a second one on a lesion is neither by the centre criterion,
    and a false positive by IoU, which matches one to one.

    Args:
        images: One line for each of N images.
        lesions: One for each true lesion and each detection in them.
        criterion: A key of :data:`CRITERIA`.
    """
    (hits, _), (false, _), true = _events(lesions, criterion)
    # No score is 0, that of a miss: as a threshold it would find every lesion.
    thresholds = np.unique(np.concatenate([[0.0], hits, false]))[1:]
    above = [
        np.append(len(scores) - np.searchsorted(np.sort(scores), thresholds), 0)
        for scores in (false, hits)
    ]
    with np.errstate(invalid='ignore'):
        return above[0] / float(len(images)), above[1] / float(len(true))


def sensitivities(
    images: Records, lesions: Records, criterion: str, curve: Curve
) -> tuple[Estimate, ...]:
    """Sensitivity in percent at each operating point, their mean, and the highest of the ``curve``.

    Values are those of MONAI's ``compute_froc_score``; intervals are over patients: every draw has
    a curve of its own.
    """
    at = np.interp(OPERATING_POINTS, curve[0][::-1], curve[1][::-1])
    values = [*at, at.mean(), curve[1].max()]
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
    # Of each point of the curve, from (0, 0) on, how many of either kind are above its threshold.
    before = [np.append(0, np.cumsum(kind)[ends]) for kind in (~is_hit, is_hit)]
    drawn = draws(len(names), seed_of(names))
    shown = drawn @ np.bincount(codes, minlength=len(names))
    total = drawn @ np.bincount(with_lesion, minlength=len(names))
    step = max(1, _CELLS // len(owner)) if len(owner) else ROUNDS
    for part in (slice(i, i + step) for i in range(0, ROUNDS, step)):
        counts = drawn[part].astype(np.int32)  # whole numbers: sums are exact in any order
        sums = [_running(counts[:, owner[kind]]) for kind in (~is_hit, is_hit)]
        rows = zip(*sums, shown[part], total[part], strict=True)
        with np.errstate(invalid='ignore', divide='ignore'):
            at = np.array([_at_operating_points(*row, *before) for row in rows])
            highest = sums[1][:, -1] / total[part]
        yield np.column_stack([at, at.mean(axis=1), highest])


def _running(counts: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, …, D of the columns: R×D int32 -> R×(D + 1)."""
    sums = np.zeros((len(counts), counts.shape[1] + 1), np.int32)
    np.cumsum(counts, axis=1, dtype=np.int32, out=sums[:, 1:])
    return sums


def _at_operating_points(
    false: np.ndarray,
    hits: np.ndarray,
    images: float,
    lesions: float,
    false_before: np.ndarray,
    hits_before: np.ndarray,
) -> np.ndarray:
    """Sensitivity of one draw at each operating point.

    Args:
        false: Of the draw, the number of false positives among the first 0, 1, … of all draws.
        hits: The same of hits.
        images: Of the draw.
        lesions: Of the draw.
        false_before: For each point of the curve, how many false positives of all draws it has.
        hits_before: The same of hits.
    """
    most = np.searchsorted(false, images * np.array(OPERATING_POINTS), side='right') - 1
    # The last point of the curve that is not beyond an operating point, and the one after it.
    last = np.searchsorted(false_before, most, side='right') - 1
    points = np.sort(np.concatenate([last, np.minimum(last + 1, len(false_before) - 1)]))
    rate, found = false[false_before[points]] / images, hits[hits_before[points]] / lesions
    return np.interp(OPERATING_POINTS, rate, found)


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
