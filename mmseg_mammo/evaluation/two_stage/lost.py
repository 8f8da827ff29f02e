"""Where a lesion is lost: not found, ranked away, or segmented badly. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.lesions import compare_lesions
from mmseg_mammo.evaluation.regions import find_lesions
from mmseg_mammo.evaluation.two_stage.candidates import HELD, candidate_rows, read_candidates
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import CANDIDATE_ROWS, LESION_ROWS

NOT_FOUND, RANKED_AWAY, SEGMENTED_BADLY = 'not found', 'ranked away', 'segmented badly'
# Values of the column ``lost`` of a true lesion that is not segmented, and the columns of
# per_image_test.csv with their number.
LOST = {
    name: f'lost_{name.replace(" ", "_")}' for name in (NOT_FOUND, RANKED_AWAY, SEGMENTED_BADLY)
}
_NO_FLOOR = 1.0  # what the mask does not mark is no detection


def compare_stages(
    sample: Mapping[str, Any],
    truth: np.ndarray,
    predicted: np.ndarray,
    probability: np.ndarray,
    floor: float,
    pixel_size: tuple[float, float] | None,
) -> tuple[dict[str, int], dict[str, list[dict[str, Any]]]]:
    """Compare the lesions of one image with the detections of a model of one stage, or of two.

    The detections of two stages are the regions of the mask, with the scores of their candidates
    (:meth:`.Candidates.rank`). Of one stage nothing changes: see :func:`.compare_lesions`.

    Args:
        sample: mmseg's sample as a dict; see :func:`.read_candidates`.
        truth: H×W bool.
        predicted: H×W bool.
        probability: H×W float.
        floor: Of a model of one stage, see :func:`.find_detections`.
        pixel_size: Height and width of a pixel in mm; None where unknown.

    Returns:
        Counts of the image, of two stages also those of :data:`LOST`; and the rows of its lesions
        and, of two stages, of its candidates, by :data:`.LESION_ROWS` and :data:`.CANDIDATE_ROWS`.
    """
    known = (truth.shape[0], truth.shape[1])
    candidates = read_candidates(sample, known)
    if candidates is None:
        counts, rows = compare_lesions(truth, predicted, probability, floor, pixel_size=pixel_size)
        return counts, {LESION_ROWS: rows}
    counts, rows = compare_lesions(
        *(truth, predicted, probability, _NO_FLOOR), pixel_size=pixel_size, rank=candidates.rank
    )
    lesions = find_lesions(truth)
    held = candidates.held(lesions)
    kept = candidates.kept & (not sample.get('closed', False))
    for row in rows:
        row['lost'] = ''
        if row['kind'] == 'true' and not row['match']:
            row['lost'] = _where(held[row['number'] - 1] >= HELD, kept)
    said = [row['lost'] for row in rows]
    counts |= {column: said.count(name) for name, column in LOST.items()}
    outlined = not is_image_label(sample)
    shares = held if outlined else held[:0]
    found = candidate_rows(candidates, lesions if outlined else None, shares)
    return counts, {LESION_ROWS: rows, CANDIDATE_ROWS: found}


def _where(finding: np.ndarray, kept: np.ndarray) -> str:
    """Where a lesion is lost that C candidates find, or not, and of which some are kept."""
    if not finding.any():
        return NOT_FOUND
    return SEGMENTED_BADLY if (finding & kept).any() else RANKED_AWAY


def summarise_lost(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Percent of all true lesions that are lost at each place; empty of models of one stage.

    Args:
        records: One per image, with ``true_lesions`` and the columns of :data:`LOST`.

    Returns:
        ``lost_not_found``, ``lost_ranked_away`` and ``lost_segmented_badly``; NaN without lesions.

    >>> summarise_lost([{'true_lesions': 4}])
    {}
    """
    if not records or not all(column in records[0] for column in LOST.values()):
        return {}
    lesions = sum(record['true_lesions'] for record in records)
    return {
        column: 100 * sum(r[column] for r in records) / lesions if lesions else float('nan')
        for column in LOST.values()
    }
