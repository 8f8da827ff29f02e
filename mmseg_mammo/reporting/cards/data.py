"""Data card: what a prepared folder holds, in counts; no identifier of a patient goes in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_mammo.io.image_keys import is_cut
from mmseg_mammo.io.index import ANNOTATED, SPLITS, Row
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.spacing import extent_mm
from mmseg_mammo.reporting.cards.card import NO_DEVICE, Field, Group
from mmseg_mammo.reporting.cards.licences import data_licences
from mmseg_mammo.reporting.document import Cell, Table

FACTORS = ('mask_kind', 'source', 'laterality', 'view', 'finding', 'pathology', 'density')
_FEW = 20  # patients, below which a split says little of others


def data_card(
    rows: Sequence[Row], digest: str, options: Mapping[str, Any], audit: Mapping[str, int]
) -> list[Group]:
    """The groups of the card of a prepared folder.

    Args:
        rows: Of its index.
        digest: SHA-256 of the index.
        options: Of ``preparation.json``; empty if there is none.
        audit: Lines of ``audit.csv`` by their status; empty if there is none.
    """
    sources = [row.source for row in rows]
    return [
        Group('Basic info', (*map(Field, ('Data holder', 'Holder contact')),)),
        Group('Release info', (Field('Release version', f'`index.csv` with SHA-256 {digest}.'),)),
        Group('Data summary', (Field('Summary', _data_summary(rows)),)),
        Group(
            'Uses and directions',
            (
                Field(
                    'Intended use and workflow', f'Training and testing for research. {NO_DEVICE}'
                ),
                *map(Field, ('Targeted patient population', 'Cautioned out-of-scope settings')),
            ),
        ),
        Group(
            'Warnings',
            (
                Field('Known risks and limitations', '\n'.join(_data_limits(rows))),
                Field('Known biases or ethical considerations'),
            ),
        ),
        Group(
            'AI system facts',
            (
                Field('Input data source', _preparation(options, audit)),
                Field('Development data characterization', '', tuple(_tables(rows))),
                Field('Annotation process'),
            ),
        ),
        Group(
            'Transparency information',
            (
                Field('Licences', data_licences(sources)),
                *map(Field, ('Funding source', 'Patient consent or disclosure')),
            ),
        ),
    ]


def patients(rows: Iterable[Row]) -> int:
    """Number of patients; of one name in two sources they are two."""
    return len({(row.source, row.patient_id) for row in rows})


def _data_summary(rows: Sequence[Row]) -> str:
    states = Counter(row.annotated for row in rows)
    labelled = sum(is_image_label(vars(row)) for row in rows)
    more = f'{labelled} with a lesion that nobody outlined, ' * bool(labelled)
    cut = sum(row.annotated == 'normal' and is_cut(row.source) for row in rows)
    more += f'{cut} cut where no lesion was annotated, ' * bool(cut)
    return (
        f'{len(rows)} mammograms of {patients(rows)} patients: {states["lesion"] - labelled} with a '
        f'marked lesion, {more}{states["normal"] - cut} that a reader found normal, {states["no"]} that nobody annotated.'
    )


def _data_limits(rows: Sequence[Row]) -> list[str]:
    """What a reader has to know, in lines of a list."""
    found = [
        '- No age, ethnicity or date of an examination is in the index: nothing is known of them.'
    ]
    kinds = Counter(row.mask_kind for row in rows if row.mask)
    if kinds['weak']:
        found.append(f'- {kinds["weak"]} masks are weak: boxes, circles or ellipses, no contours.')
    if labelled := sum(is_image_label(vars(row)) for row in rows):
        found.append(f'- Of {labelled} images with a lesion nobody says where it is: no mask.')
    synthetic = sum(row.mask_kind == 'phantom' for row in rows)
    if synthetic:
        found.append(f'- {synthetic} images are synthetic: they say nothing of patients.')
    if cuts := sum(is_cut(row.source) for row in rows):
        found.append(
            f'- {cuts} images are cuts of other images: what is measured on them holds for no whole image.'
        )
    if not any(row.annotated == 'normal' for row in rows):
        found.append('- No image is known to be normal: specificity cannot be measured.')
    for split in SPLITS:
        some = [row for row in rows if row.split == split]
        if some and patients(some) < _FEW:
            found.append(f'- {split}: fewer than {_FEW} patients, intervals may be too narrow.')
        elif not some:
            found.append(f'- There is no {split} split.')
    for name in ('laterality', 'view', 'density', 'pathology'):
        gaps = sum(getattr(row, name) in ('', 'unknown') for row in rows)
        if gaps:
            found.append(f'- {name} is unknown of {gaps} images ({gaps / len(rows):.0%}).')
    unsized = sum(extent_mm(row) is None for row in rows)
    if unsized:
        found.append(f'- The size of a pixel is unknown of {unsized} images: no lengths in mm.')
    return found


def _preparation(options: Mapping[str, Any], audit: Mapping[str, int]) -> str:
    # The path of the raw data may tell more of a hospital than a card should.
    told = ', '.join(f'{key} {value}' for key, value in options.items() if key != 'input')
    text = f'Prepared with: {told}.' if told else ''
    if audit:
        text += ' Lines of the source: ' + ', '.join(f'{n} {s}' for s, n in audit.items()) + '.'
    return text.strip()


def _tables(rows: Sequence[Row]) -> Iterable[Table]:
    heads = tuple({'no': 'not annotated'}.get(state, state) for state in ANNOTATED)
    columns = ('split', 'images', 'patients', 'breasts', *heads)
    lines: list[tuple[Cell, ...]] = []
    for split in (*SPLITS, 'all'):
        some = [row for row in rows if split in (row.split, 'all')]
        breasts = {(r.source, r.patient_id, r.laterality) for r in some if r.laterality}
        states = Counter(row.annotated for row in some)
        counts = (states[state] for state in ANNOTATED)
        lines.append((split, len(some), patients(some), len(breasts), *counts))
    yield Table('splits', 'Images by split', columns, tuple(lines))
    for name in FACTORS:
        yield _by(rows, name)
    sizes = np.array([(row.original_height, row.original_width) for row in rows])
    yield Table('size', 'Pixels before downscaling', ('', 'height', 'width'), tuple(_spread(sizes)))


def _by(rows: Sequence[Row], name: str) -> Table:
    """Images of each split by the values of a column."""
    counts = Counter((_level(row, name), row.split) for row in rows)
    levels = sorted({level for level, _ in counts}, key=lambda level: (level == 'unknown', level))
    lines: list[tuple[Cell, ...]] = [
        (level, *(counts[level, split] for split in SPLITS)) for level in levels
    ]
    return Table(name, f'Images by {name}', (name, *SPLITS), tuple(lines))


def _level(row: Row, name: str) -> str:
    # An image without a mask has none of any kind; whether it is a phantom stays to be said.
    told = row.mask or row.mask_kind == 'phantom' or is_image_label(vars(row))
    if name == 'mask_kind' and not told:
        return 'no mask'
    return getattr(row, name) or 'unknown'


def _spread(sizes: np.ndarray) -> Iterator[tuple[Cell, ...]]:
    """Lowest, median and highest of N×2 heights and widths."""
    quantiles = np.quantile(sizes, (0, 0.5, 1), axis=0, method='nearest')
    for name, (height, width) in zip(('lowest', 'median', 'highest'), quantiles, strict=True):
        yield name, int(height), int(width)
