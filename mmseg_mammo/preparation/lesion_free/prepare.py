"""Lesion-free preparation: writes a prepared folder of cuts from a prepared folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.image_keys import origin_of, source_of_cuts
from mmseg_mammo.io.index import INDEX_NAME, SPLITS, Row, read_index, write_index
from mmseg_mammo.preparation.hospital.names import output_names
from mmseg_mammo.preparation.jobs import make_all
from mmseg_mammo.preparation.lesion_free.image import (
    FREE,
    KINDS,
    WITH_LESION,
    CutJob,
    CutOptions,
    make_cut,
)
from mmseg_mammo.preparation.output import OPTIONS_NAME, claim_folder, write_audit

AUDIT_COLUMNS = ('row', 'image', 'status', 'annotated', 'output', 'note')


@dataclass(frozen=True)
class CutSettings:
    """How images are cut.

    Args:
        options: What changes pixels.
        per_image: Cuts without lesion of each image, and as many with it. Of sides there is one.
        splits: Of the images.
        workers: Processes.
    """

    options: CutOptions
    per_image: int = 1
    splits: tuple[str, ...] = SPLITS
    workers: int = 1


@dataclass(frozen=True)
class CutOutcome:
    """Rows of the new index, and how many images gave none.

    Attributes:
        rows: Of the cuts.
        no_cut: Images of which no cut fits.
        unread: Images that could not be read, with the reasons.
        not_annotated: Images that nobody annotated, or whose lesion nobody drew.
    """

    rows: list[Row]
    no_cut: int
    unread: tuple[str, ...]
    not_annotated: int


class _Planned(NamedTuple):
    row: Row
    job: CutJob


def cut_folder(data: Path, out: Path, settings: CutSettings) -> CutOutcome:
    """Cut every annotated image of a prepared folder; a second run makes only what is missing.

    An image stays in its split, as its patient does, and in the name of its source it is said that
    it is a cut.

    Args:
        data: A prepared folder, or its index.
        out: The folder of the cuts.
        settings: Everything else.

    Raises:
        DataIndexError: The index breaks its contract.
        MammoError: The settings mean nothing; ``out`` was not made by this; or nothing was cut.
    """
    _check_settings(settings)
    index = data / INDEX_NAME if data.is_dir() else data
    rows = [row for row in read_index(index) if row.split in settings.splits]
    _check_whole(index, rows)
    usable = [row for row in rows if row.annotated == 'normal' or row.mask]
    planned = _plan_cuts(usable, index.parent, settings.per_image)
    claim_folder(out, _claim_of(index, settings))
    jobs = [each.job for each in planned]
    make = partial(make_cut, out=out, options=settings.options)
    records = make_all(jobs, make, out, workers=settings.workers, title='cutting')
    made = list(zip(planned, records, strict=True))
    cuts = [
        _row_of(each, record, settings.options.kind) for each, record in made if record.get('image')
    ]
    refusal = None if cuts else _nothing(index, settings, len(usable))
    write_audit(out, AUDIT_COLUMNS, [_line(*one) for one in made], refusal)
    write_index(out / INDEX_NAME, cuts)
    errors = dict.fromkeys(record['error'] for record in records if 'error' in record)
    empty = {each.row.image for each, record in made if record.get('image') == ''}
    return CutOutcome(
        cuts,
        len(empty - {each.row.image for each, record in made if record.get('image')}),
        tuple(errors),
        len(rows) - len(usable),
    )


def _check_settings(settings: CutSettings) -> None:
    low, high = settings.options.share
    if not 0 < low <= high < 1:
        raise MammoError(
            f'--share {low:g} {high:g}', 'least and largest size, each between 0 and 1'
        )
    if settings.per_image < 1 or (settings.per_image > 1 and settings.options.kind == 'side'):
        raise MammoError(
            f'--per-image {settings.per_image} of --kind {settings.options.kind}',
            'from 1 for crops and windows; 1 for sides: a lesion has one better side',
        )
    if settings.options.seed < 0:
        raise MammoError(f'--seed {settings.options.seed}', 'a whole number from 0')


def _check_whole(index: Path, rows: Sequence[Row]) -> None:
    cuts = next((row.source for row in rows if origin_of(row.source) != row.source), None)
    if cuts is not None:
        raise MammoError(
            f'{index}: its images are cuts already ({cuts!r})',
            'whole images',
            'Take the folder that these were cut from',
        )


def _plan_cuts(rows: Sequence[Row], folder: Path, per_image: int) -> list[_Planned]:
    names = output_names([row.image.removeprefix('images/') for row in rows])
    return [
        _Planned(
            row,
            CutJob(
                name=f'{name}_{purpose}{number + 1}',
                image=folder / row.image,
                mask=folder / row.mask if row.mask else None,
                key=row.image,
                number=number,
                purpose=purpose,
            ),
        )
        for row, name in zip(rows, names, strict=True)
        for purpose in ((FREE, WITH_LESION) if row.mask else (FREE,))
        for number in range(per_image)
    ]


def _claim_of(index: Path, settings: CutSettings) -> dict[str, Any]:
    options, theirs = settings.options, index.with_name(OPTIONS_NAME)
    told = read_json(theirs) if theirs.is_file() else {}
    return {
        # Of the images; predict does the same to files of a model that was trained on cuts alone.
        **{name: told[name] for name in ('long_side', 'voi') if name in told},
        'tool': 'lesion_free',
        'input': str(index.parent.resolve()),
        'kind': options.kind,
        'share': list(options.share),
        'seed': options.seed,
    }


def _row_of(planned: _Planned, record: Mapping[str, Any], kind: str) -> Row:
    """The row of a cut: what is known of its image, and the part of its size that the cut has."""
    row, (height, width) = planned.row, record['whole']
    free = planned.job.purpose == FREE
    return replace(
        row,
        image=record['image'],
        mask=record['mask'],
        annotated='normal' if free else 'lesion',
        finding='' if free else row.finding,
        pathology=row.pathology if row.annotated == 'normal' or not free else '',
        source=source_of_cuts(row.source, kind),
        original_height=max(1, round(record['cut'][0] * row.original_height / height)),
        original_width=max(1, round(record['cut'][1] * row.original_width / width)),
        mask_share=record['mask_share'],
    )


def _line(planned: _Planned, record: Mapping[str, Any]) -> dict[str, str]:
    done = bool(record.get('image'))
    return {
        'row': planned.job.name,
        'image': planned.row.image,
        'status': 'prepared' if done else 'skipped',
        'annotated': ('normal' if planned.job.purpose == FREE else 'lesion') if done else '',
        'output': record.get('image', ''),
        'note': record.get('error') or record['note'],
    }


def _nothing(index: Path, settings: CutSettings, usable: int) -> MammoError:
    return MammoError(
        f'{index}: nothing could be cut from its {usable} annotated images of split '
        f'{", ".join(settings.splits)}',
        f'one that leaves room beside its lesion, --kind {" or ".join(KINDS)}',
    )
