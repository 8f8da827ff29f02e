"""Summary of a prepared hospital: the counts, and everything that a user must not overlook."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmseg_mammo.io.index import Row
from mmseg_mammo.io.mask import IMAGE_LABEL, is_image_label
from mmseg_mammo.io.spacing import extent_mm
from mmseg_mammo.preparation.hospital.prepare import Prepared
from mmseg_mammo.preparation.output import AUDIT_NAME, count_table

SHOWN_NOTES = 20


def summarise(outcome: Prepared, out: Path, kind_told: bool) -> Iterator[str]:
    """Yield the lines of a summary.

    Args:
        outcome: What was prepared.
        out: Where.
        kind_told: Whether the user said how the masks came about.
    """
    noted = [line for line in outcome.audit if line['note']]
    for line in noted[:SHOWN_NOTES]:
        yield f'{line["status"]}: {line["row"]}: {line["note"]}'
    if len(noted) > SHOWN_NOTES:
        yield f'… and {len(noted) - SHOWN_NOTES} more notes'
    yield count_table(outcome.rows)
    yield from _about_masks(outcome.rows, kind_told)
    if labelled := sum(is_image_label(vars(row)) for row in outcome.rows):
        yield (
            f'{labelled} images have a lesion and no mask (mask_kind={IMAGE_LABEL}): they train and test '
            'whether there is a lesion, not where'
        )
    if outcome.header_patients:
        yield (
            f'patient_id of {outcome.header_patients} images comes from DICOM headers: make sure '
            'that these are pseudonyms, one per patient'
        )
    unknown = sum(extent_mm(row) is None for row in outcome.rows)
    if unknown:
        yield (
            f'The size of a pixel in mm is unknown for {unknown} of {len(outcome.rows)} images; '
            '--set spacing_mm=<mm> gives it where files do not tell it'
        )
    yield from outcome.warnings
    yield f'{_left_out(outcome)}; {out / AUDIT_NAME} tells about all.'


def _left_out(outcome: Prepared) -> str:
    """An image may have several rows, and is left out as a whole."""
    rows, images = len(outcome.problems), len({problem.image for problem in outcome.problems})
    if rows == images:
        return f'{_count(rows, "row")} left out'
    return f'{_count(images, "image")} left out, with {rows} rows'


def _count(number: int, noun: str) -> str:
    return f'1 {noun} was' if number == 1 else f'{number} {noun}s were'


def _about_masks(rows: Iterable[Row], kind_told: bool) -> Iterator[str]:
    kinds = Counter(row.mask_kind for row in rows if row.mask or row.mask_kind == 'phantom')
    if kinds.keys() - {'contour'}:
        counts = [f'{count} {kind}' for kind, count in sorted(kinds.items())]
        shown = ' and '.join(counts if len(kinds) > 1 else kinds)
        yield f'The masks are {shown}: say so beside every result.'
    elif kinds and not kind_told:
        yield (
            'masks are taken as contours drawn by readers; --mask-kind weak if they are boxes, '
            'circles or ellipses'
        )
