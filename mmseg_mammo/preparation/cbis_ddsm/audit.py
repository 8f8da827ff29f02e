"""Audit of CBIS-DDSM: records and counts what became of every row of the tables. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_mammo.preparation.cbis_ddsm.image import ImageJob
from mmseg_mammo.preparation.cbis_ddsm.resolve import SUSPECT, UNIFORM
from mmseg_mammo.preparation.cbis_ddsm.table import SUBSETS, Abnormality

AUDIT_COLUMNS = (
    'subset',
    'table',
    'row',
    'abnormality',
    'patient_id',
    'split',
    'status',
    'rule',
    'repairs',
    'reason',
    'detail',
    'image_file',
    'mask_file',
    'crop_file',
    'image',
    'note',
)
MISMATCH = 'mask of another size'
SIBLING = 'other region of the image'
UNLISTED = 'region without a row'


def audit_row(case: Abnormality, **more: str) -> dict[str, Any]:
    """One line of the audit: the row of the table, and what is said about it."""
    return {
        **dict.fromkeys(AUDIT_COLUMNS, ''),
        'subset': case.subset,
        'table': case.table,
        'row': case.row,
        'abnormality': case.name,
        'patient_id': case.patient_id,
        **more,
    }


def audit_image(
    job: ImageJob,
    record: Mapping[str, Any],
    on_mismatch: str,
    splits: Mapping[str, str],
    unlisted: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Audit lines of all regions of one image.

    An image is used only if all of its regions have a mask: ``status`` is ``resolved`` (the
    mask is where the table says), ``repaired``, or ``skipped`` for every region of an image
    that is left out.

    Args:
        job: The image.
        record: What :func:`mmseg_mammo.preparation.cbis_ddsm.image.make_image` returned.
        on_mismatch: ``repair`` keeps masks of another size than their image (resized).
        splits: Patient -> split.
        unlisted: Abnormalities of the image that lie in the download and stand in no table.
    """
    outcomes = [dict(outcome) for outcome in record['regions']]
    for outcome in outcomes:
        scaled = any(repair in (UNIFORM, SUSPECT) for repair in outcome['repairs'].split('+'))
        if scaled and on_mismatch != 'repair':
            outcome['reason'] = MISMATCH
        if unlisted and not outcome['reason']:
            outcome |= {'reason': UNLISTED, 'detail': ', '.join(unlisted)}
    used = not any(outcome['reason'] for outcome in outcomes)
    lines = []
    for region, outcome in zip(job.regions, outcomes, strict=True):
        if used:
            outcome['status'] = 'repaired' if outcome['repairs'] else 'resolved'
            outcome['image'] = record['image']
        else:
            outcome['status'] = 'skipped'
            outcome['reason'] = outcome['reason'] or SIBLING
        split = splits[region.case.patient_id]
        lines.append(
            audit_row(region.case, split=split, image_file=record['image_file'], **outcome)
        )
    return lines


def summary(audit: Sequence[Mapping[str, Any]]) -> str:
    """The audit as an aligned table per subset, then every repair and reason with its count."""
    statuses = ('resolved', 'repaired', 'skipped', 'dropped')
    lines = [_align(('subset', 'rows', *statuses, 'images', 'patients'))]
    for subset in (*SUBSETS, 'all'):
        chosen = [line for line in audit if subset in ('all', line['subset'])]
        if not chosen:
            continue
        counts = Counter(line['status'] for line in chosen)
        used = [line for line in chosen if line['image']]
        sizes = (len({line[key] for line in used}) for key in ('image', 'patient_id'))
        lines.append(_align((subset, len(chosen), *(counts[s] for s in statuses), *sizes)))
    for status, key in (('repaired', 'repairs'), ('skipped', 'reason'), ('dropped', 'reason')):
        terms = Counter(
            term for line in audit if line['status'] == status for term in line[key].split('+')
        )
        lines += [f'{status}: {count} × {term}' for term, count in terms.most_common()]
    lines += [
        f'WARNING: suspect size of {line["abnormality"]}: {line["detail"]}'
        for line in audit
        if SUSPECT in line['repairs']
    ]
    lines += [
        f'WARNING: {line["abnormality"]}: {line["note"]}'
        for line in audit
        if line['note'] and line['image']
    ]
    return '\n'.join(lines)


def _align(cells: Sequence[object]) -> str:
    first, *others = map(str, cells)
    return first.ljust(20) + ''.join(cell.rjust(10) for cell in others)
