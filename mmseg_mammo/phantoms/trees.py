"""Phantom downloads: a CBIS-DDSM tree in one of six layouts, or the export of a hospital.

Every tree holds ``PHANTOM.txt``, which says what it is; what is prepared from such a tree is
marked as phantom.
"""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.table import write_table
from mmseg_mammo.phantoms.cbis_cases import SUBSETS, CaseRow, invent_cases, read_cases
from mmseg_mammo.phantoms.cbis_files import CbisWriter, write_views
from mmseg_mammo.phantoms.cbis_layouts import LAYOUTS, find_slots
from mmseg_mammo.phantoms.hospital import EXPORT_COLUMNS, EXPORTS, write_export
from mmseg_mammo.preparation.cbis_ddsm.table import FILE_NAMES
from mmseg_mammo.preparation.output import PHANTOM_MARK

TRUTH_NAME = 'phantom_truth.csv'
# Defects that live in the CSVs, which only invented CSVs can have, and those in the files.
CSV_DEFECTS = ('split', 'swapped', 'leaked')
FILE_DEFECTS = ('order', 'scaled', 'shifted', 'empty', 'missing', 'missing-image')
DEFECTS = CSV_DEFECTS + FILE_DEFECTS
_TRUTH_COLUMNS = ('abnormality', 'subset', 'image', 'mask', 'crop', 'defect')


def write_cbis_tree(
    out: Path,
    *,
    layout: str = 'L2',
    patients: int = 12,
    height: int = 256,
    seed: int = 0,
    csv_dir: Path | None = None,
    mask_file_map: Path | None = None,
    subset: Sequence[str] | None = None,
    limit: int | None = None,
    defects: Collection[str] = (),
) -> Path:
    """Write a raw CBIS-DDSM download whose pixels are phantoms.

    Args:
        out: New or empty folder; it appears only when the tree is complete.
        layout: ``L1`` … ``L6``, see ``docs/phantoms.md``.
        patients: Number of invented patients; not used with ``csv_dir``.
        height: Typical height of a full image in pixels; single images differ by up to 10 %.
        seed: Same seed and options, same bytes.
        csv_dir: Folder of the four real CSVs: copied, and one phantom made for each row.
        mask_file_map: CSV saying which file is the mask (``abnormality``, ``real_mask_dir``,
            ``real_mask_file``, ``real_image``); without it the order is drawn as often wrong
            as in the real download.
        subset: Subsets to write files for, of ``mass-train``, ``mass-test``, ``calc-train``,
            ``calc-test``; the CSVs are always complete.
        limit: At most so many images of each subset.
        defects: Of :data:`DEFECTS`.

    Returns:
        ``out``, which also holds ``phantom_truth.csv``: where each mask and crop really is.

    Raises:
        MammoError: An option is not allowed, or ``out`` holds something else.
    """
    subset = tuple(subset or SUBSETS)
    _check_values('layout', [layout], LAYOUTS)
    _check_values('subset', subset, SUBSETS)
    _check_values('defect', defects, FILE_DEFECTS if csv_dir else DEFECTS)
    _check_numbers(4 if csv_dir else patients, 4, height, seed, limit)
    if mask_file_map and not csv_dir:
        raise MammoError('a mask file map without real CSVs', 'both, or neither')
    options = {
        'hospital': 'cbis', 'layout': layout, 'patients': 'of the CSVs' if csv_dir else patients,
        'height': height, 'seed': seed, 'subset': ','.join(subset), 'limit': limit,
        'mask file map': mask_file_map and Path(mask_file_map).name,
        'defects': ','.join(sorted(defects)) or None,
    }  # fmt: skip
    with _new_tree(Path(out), options) as folder:
        if folder is not None:
            rng = np.random.default_rng(seed)
            writer = CbisWriter(folder, layout, seed)
            cases, planted = _make_tables(rng, writer.tables, csv_dir, patients, defects)
            chosen = _choose(cases, subset, limit)
            planted |= _plant(rng, chosen, [d for d in FILE_DEFECTS if d in defects], planted)
            slots = find_slots(rng, cases, mask_file_map, planted, 'order' in defects)
            truth = write_views(writer, cases, chosen, slots, planted, height)
            writer.finish()
            write_table(folder / TRUTH_NAME, _TRUTH_COLUMNS, truth)
    return Path(out)


def write_hospital_tree(
    out: Path,
    *,
    hospital: str = 'zgt',
    patients: int = 12,
    height: int = 256,
    seed: int = 0,
    image_labels: float = 0.0,
) -> Path:
    """Write the export of a digital hospital whose images are phantoms.

    ``annotations.csv`` lists ``dicom/<patient>/<study>/<image>.dcm`` and ``masks/*.png``; four
    images per patient. An empty mask cell means no lesion where ``annotated`` is ``normal``,
    and that nobody looked where it is ``no``.

    Args:
        out: New or empty folder; it appears only when the tree is complete.
        hospital: ``zgt`` (half of the images without lesion, some MONOCHROME1) or
            ``screening``, which looks different from both others.
        patients: Number of patients.
        height: Typical height of an image in pixels; single images differ by up to 10 %.
        seed: Same seed and options, same pixels and tables.
        image_labels: Share of the images with a lesion that nobody outlined, 0 to 1.

    Returns:
        ``out``.

    Raises:
        MammoError: An option is not allowed, ``out`` holds something else, or the JPEG-lossless
            encoder is not installed.
    """
    if not 0 <= image_labels <= 1:
        raise MammoError(f'image_labels={image_labels:g}', 'a share from 0 to 1')
    _check_values('hospital', [hospital], EXPORTS)
    _check_numbers(patients, 1, height, seed)
    options = {'hospital': hospital, 'patients': patients, 'height': height, 'seed': seed}
    options |= {'image_labels': image_labels} if image_labels else {}
    with _new_tree(Path(out), options) as folder:
        if folder is not None:
            rows = write_export(folder, hospital, patients, height, seed, image_labels)
            write_table(folder / 'annotations.csv', EXPORT_COLUMNS, rows)
    return Path(out)


def _make_tables(
    rng: np.random.Generator,
    folder: Path,
    csv_dir: Path | None,
    patients: int,
    defects: Collection[str],
) -> tuple[list[CaseRow], dict[str, str]]:
    """Copy or invent the four CSVs; returns their cases, and the defects planted in them."""
    folder.mkdir(exist_ok=True)
    planted: dict[str, str] = {}
    if csv_dir:
        _copy_tables(Path(csv_dir), folder)
    else:
        planted = invent_cases(rng, folder, patients, defects)
    return read_cases(folder), planted


def _choose(cases: list[CaseRow], subset: Sequence[str], limit: int | None) -> list[CaseRow]:
    """The cases of the wanted subsets, and of these the first ``limit`` images each."""
    chosen = []
    for name in subset:
        rows = [case for case in cases if case.subset == name]
        images = set(islice(dict.fromkeys(case.image_path for case in rows), limit))
        chosen += [case for case in rows if case.image_path in images]
    return chosen


def _plant(
    rng: np.random.Generator, cases: list[CaseRow], defects: list[str], taken: Collection[str]
) -> dict[str, str]:
    """Give each file defect one case in twenty, at least one; no case gets two."""
    free = [case.name for case in cases if case.name not in taken and not case.is_split]
    free = [free[index] for index in rng.permutation(len(free))]
    planted: dict[str, str] = {}
    for defect in defects:
        if defect != 'order':
            for _ in range(min(len(free), max(1, len(cases) // 20))):
                planted[free.pop()] = defect
    return planted


def _copy_tables(source: Path, target: Path) -> None:
    for filename in FILE_NAMES:
        if not (source / filename).is_file():
            raise MammoError(
                f'{source}: no {filename}',
                'a folder with ' + ', '.join(FILE_NAMES),
            )
        shutil.copyfile(source / filename, target / filename)


def _check_values(what: str, values: Collection[str], allowed: Collection[str]) -> None:
    for value in values:
        if value not in allowed:
            raise MammoError(f'{what} {value!r}', ', '.join(allowed))


def _check_numbers(
    patients: int, least_patients: int, height: int, seed: int, limit: int | None = None
) -> None:
    limits = {
        'patients': (patients, least_patients),
        'height': (height, 64),
        'seed': (seed, 0),
        'limit': (1 if limit is None else limit, 1),
    }
    for name, (value, least) in limits.items():
        if value < least:
            raise MammoError(f'{name} {value}', f'{least} or more')


@contextmanager
def _new_tree(out: Path, options: Mapping[str, Any]) -> Iterator[Path | None]:
    """Yield a folder beside ``out`` that becomes ``out`` at the end; None if already there."""
    mark = _mark_text(options)
    if (out / PHANTOM_MARK).is_file() and (out / PHANTOM_MARK).read_text() == mark:
        yield None
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MammoError(
            f'{out} is not empty, and is not a phantom tree of these options',
            'a new or empty folder',
            'Choose another folder, or delete this one yourself',
        )
    partial = out.with_name(f'.{out.name}.partial')
    if partial.exists() and not (partial / PHANTOM_MARK).is_file():
        raise MammoError(f'{partial} is in the way', remedy='Move it elsewhere')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / PHANTOM_MARK).write_text(mark)
    try:
        yield partial
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _mark_text(options: Mapping[str, Any]) -> str:
    lines = [f'{key}: {value}' for key, value in options.items() if value is not None]
    return '\n'.join(
        [
            'Synthetic mammograms (phantoms) made by mmseg_mammo, tools/make_phantom.py.',
            'No patient was imaged. Not for any statement about medical performance.',
            *lines,
            '',
        ]
    )
