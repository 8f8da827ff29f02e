"""Hospital preparation: writes ``images/``, ``masks/``, ``index.csv`` and ``audit.csv``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.dicom.gpu import use_nvimagecodec
from mmseg_mammo.io.index import INDEX_NAME, Row, check_patients, write_index
from mmseg_mammo.preparation.dicom_facts import with_dicom_facts
from mmseg_mammo.preparation.hospital.entry import Entry, Problem
from mmseg_mammo.preparation.hospital.image import (
    HospitalJob,
    PixelOptions,
    index_row,
    make_image,
    make_jobs,
)
from mmseg_mammo.preparation.hospital.rows import (
    AUDIT_COLUMNS,
    audit_lines,
    decoding_problems,
    group_by_image,
    refuse_copies,
    refuse_doubtful,
    warnings_about,
)
from mmseg_mammo.preparation.hospital.spacing import fill_spacing
from mmseg_mammo.preparation.jobs import make_all
from mmseg_mammo.preparation.output import claim_folder, is_phantom, write_audit
from mmseg_mammo.preparation.shards import Shard, ShardCounts, check_shards, make_shard
from mmseg_mammo.preparation.splits import carve_splits, split_patients


@dataclass(frozen=True)
class Settings:
    """How a hospital is prepared.

    Args:
        origin: The table or folder that the entries come from; resuming needs the same one.
        source: Name of the data set, for the index.
        mask_kind: One of ``mask.MASK_KINDS``.
        pixels: What changes pixels.
        fractions: Split -> fraction of the ``train`` patients that move there.
        seed: Of that choice.
        skip_bad: Leave images with a bad row out instead of stopping.
        workers: Processes.
        merge: Whether shards have made the images.
    """

    origin: Path
    source: str
    mask_kind: str
    pixels: PixelOptions = field(default_factory=PixelOptions)
    fractions: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    skip_bad: bool = False
    workers: int = 1
    merge: bool = False


@dataclass(frozen=True)
class Prepared:
    """The rows of the index, the rows left out, and the audit as it was written.

    ``header_patients`` counts the images whose patient comes from their DICOM header;
    ``warnings`` are lines about what is allowed and looks like a mistake.
    """

    rows: list[Row]
    problems: list[Problem]
    audit: list[dict[str, str]]
    header_patients: int
    warnings: list[str] = field(default_factory=list)


def mark_phantom(source: str, mask_kind: str, *folders: Path) -> tuple[str, str]:
    """Name a data set of synthetic mammograms so that no result of it passes for a patient's.

    Args:
        source: Name of the data set.
        mask_kind: How its lesions were drawn, if it is of patients.
        folders: Where its table and its images lie.

    Returns:
        ``source`` and ``mask_kind``; of phantoms, ``phantom-<source>`` and ``phantom``.
    """
    if not any(is_phantom(folder) for folder in folders):
        return source, mask_kind
    return (source if source.startswith('phantom') else f'phantom-{source}'), 'phantom'


def prepare(
    entries: Sequence[Entry], problems: Sequence[Problem], out: Path, settings: Settings
) -> Prepared:
    """Write the prepared folder of one hospital; a second run makes only what is missing.

    Args:
        entries: From ``read_hospital_table`` or ``pair_folders``. Rows of one image are merged:
            its mask is the union of theirs.
        problems: The rows that these functions refused.
        out: The output folder.
        settings: Everything else.

    Raises:
        DataIndexError: A patient is in two splits; no image is usable; or there are bad rows
            and ``skip_bad`` is off. Faults of the table stop before anything is written,
            faults that only decoding shows stop before ``index.csv`` is written.
        MammoError: The split fractions do not fit the patients; nothing is written. Or shards are
            to be merged, and images are missing.
    """
    groups, problems, jobs = _plan_export(entries, problems, out, settings)
    failed = check_shards(jobs, out) if settings.merge else None
    records = make_all(jobs, _maker(out, settings), out, workers=settings.workers, failed=failed)
    known = [(g, _complete(g, record)) for g, record in zip(groups, records, strict=True)]
    made = refuse_copies([(group, refuse_doubtful(group, record)) for group, record in known], out)
    problems += decoding_problems(made)
    audit = audit_lines(made, problems)
    used = [(group, record) for group, record in made if 'error' not in record]
    refusal = _refusal(problems, settings, usable=len(used))
    rows = [index_row(*one, settings.mask_kind, settings.source) for one in used]
    if refusal is None:
        rows = carve_splits(rows, settings.fractions, np.random.default_rng(settings.seed))
    write_audit(out, AUDIT_COLUMNS, audit, refusal)
    write_index(out / INDEX_NAME, rows)
    header_patients = sum(any(entry.header_patient for entry in group) for group, _ in used)
    return Prepared(rows, problems, audit, header_patients, warnings_about(made, rows, out))


def prepare_shard(
    entries: Sequence[Entry],
    problems: Sequence[Problem],
    out: Path,
    settings: Settings,
    shard: Shard,
) -> ShardCounts:
    """Make the images and masks of a shard, and nothing else; all other arguments as of :func:`prepare`.

    Raises:
        MammoError: See :func:`prepare`, of the table; and :func:`.make_shard`.
    """
    _, _, jobs = _plan_export(entries, problems, out, settings)
    return make_shard(jobs, _maker(out, settings), out, shard, workers=settings.workers)


def _plan_export(
    entries: Sequence[Entry], problems: Sequence[Problem], out: Path, settings: Settings
) -> tuple[list[list[Entry]], list[Problem], list[HospitalJob]]:
    """The rows of each image, those that are bad, and the jobs; the folder is then claimed."""
    groups, conflicts = group_by_image(entries, problems)
    problems = [*problems, *conflicts]
    refusal = _refusal(problems, settings)
    if refusal is not None:
        raise refusal
    _check_splits(groups, settings)
    if settings.pixels.nvimagecodec:
        use_nvimagecodec()  # that it is installed is known before anything is written
    jobs = make_jobs(groups)
    claim_folder(out, _claim(settings))
    return groups, problems, jobs


def _maker(out: Path, settings: Settings) -> Callable[[HospitalJob], dict[str, Any]]:
    return partial(make_image, out=out, options=settings.pixels)


def _complete(group: Sequence[Entry], record: dict[str, Any]) -> dict[str, Any]:
    """The record with what the header and the table say of the size of a pixel."""
    if 'error' in record:
        return record
    return fill_spacing(with_dicom_facts(record, group[0].image), group[0].spacing_mm)


def _claim(settings: Settings) -> dict[str, Any]:
    return {
        'tool': 'prepare_hospital',
        'input': str(settings.origin.resolve()),
        'long_side': settings.pixels.long_side,
        'voi': settings.pixels.voi,
        'lesion_values': list(settings.pixels.lesion_values),
        'mask_kind': settings.mask_kind,  # weak masks must not turn into contours unnoticed
        # Of lossy files two decoders may differ by a level. Not there in folders made before.
        **({'nvimagecodec': True} if settings.pixels.nvimagecodec else {}),
    }


def _check_splits(groups: Sequence[Sequence[Entry]], settings: Settings) -> None:
    places = [(entry.place, entry.patient_id, entry.split) for group in groups for entry in group]
    check_patients(places, settings.origin)
    carved = {split for split, fraction in settings.fractions.items() if fraction}
    present = sorted(carved & {split for _, _, split in places})
    if present:
        raise DataIndexError(
            f'{settings.origin} already has images of split {", ".join(present)}',
            'a fraction only for a split that the table leaves empty',
            'Leave the option out to keep the split of the table',
        )
    # The choice is made after decoding, which may tell lesions; that it can be made, before.
    train = {patient: '' for _, patient, split in places if split == 'train'}
    if carved and not train:
        raise DataIndexError(
            f'{settings.origin}: no image of split train to take {", ".join(sorted(carved))} from',
            remedy='Leave the fraction out, or correct the column split',
        )
    split_patients(train, settings.fractions, np.random.default_rng(settings.seed))


def _refusal(
    problems: Sequence[Problem], settings: Settings, usable: int | None = None
) -> MammoError | None:
    """Why no index is written, if so; ``usable`` counts the images that were made."""
    lines = ''.join(f'\n  {problem}' for problem in problems)
    advice = 'Correct them, or leave their images out by --skip-bad'
    # A terminal shows the end of a long list.
    again = f'\n{len(problems)} bad rows, and no index. {advice}' if len(problems) > 20 else ''
    if problems and not settings.skip_bad:
        return DataIndexError(
            f'{settings.origin}: {len(problems)} bad rows, so no index was written',
            remedy=f'{advice}:{lines}{again}',
        )
    if usable == 0:
        return DataIndexError(f'{settings.origin}: no usable image{":" if lines else ""}{lines}')
    return None
