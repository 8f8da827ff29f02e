"""CBIS-DDSM preparation: writes ``images/``, ``masks/``, ``index.csv`` and ``audit.csv``.

Each step has its own module: ``table`` reads the case tables, ``locate`` and ``headers`` find the
files, ``plan`` groups rows into images, ``resolve`` tells masks from crops, ``image`` writes an
image, ``audit`` accounts for every row. ``docs/cbis_ddsm.md`` explains every option and every
line of the audit.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError, DataIndexError, MammoError
from mmseg_mammo.io.image import scale_to_long_side
from mmseg_mammo.io.index import INDEX_NAME, Row, write_index
from mmseg_mammo.preparation.cbis_ddsm.audit import (
    AUDIT_COLUMNS,
    MISMATCH,
    audit_image,
    audit_row,
    summary,
)
from mmseg_mammo.preparation.cbis_ddsm.headers import file_by_header
from mmseg_mammo.preparation.cbis_ddsm.image import ImageJob, index_row, make_image
from mmseg_mammo.preparation.cbis_ddsm.locate import ARCHIVES, Tree, scan
from mmseg_mammo.preparation.cbis_ddsm.plan import (
    assign_splits,
    drop_leaked,
    plan_images,
    unlisted_regions,
)
from mmseg_mammo.preparation.cbis_ddsm.table import (
    FILE_NAMES,
    MASK_PATH,
    PUBLISHED_ROWS,
    SUBSETS,
    Abnormality,
    has_column,
    read_cases,
)
from mmseg_mammo.preparation.dicom_facts import with_dicom_facts
from mmseg_mammo.preparation.jobs import make_all
from mmseg_mammo.preparation.output import (
    AUDIT_NAME,
    claim_folder,
    count_table,
    is_phantom,
    write_audit,
)
from mmseg_mammo.preparation.pool import usable_cores
from mmseg_mammo.preparation.shards import Shard, ShardCounts, check_shards, make_shard

ABNORMALITIES = ('all', 'mass', 'calcification')
ON_MISMATCH = ('repair', 'drop', 'fail')
LEAKAGE = ('drop-from-train', 'report')


@dataclass(frozen=True)
class Options:
    """Options of the preparation, as on the command line; ``docs/cbis_ddsm.md`` explains them."""

    abnormality: str = 'all'
    merge_views: bool = False
    on_mismatch: str = 'repair'
    leakage: str = 'drop-from-train'
    val_fraction: float = 0.1
    seed: int = 0
    long_side: int = 2048
    csv_dir: Path | None = None
    jobs: int = field(default_factory=usable_cores)
    merge: bool = False


@dataclass(frozen=True)
class _Plan:
    """What is known before an image is read.

    Args:
        tree: The download.
        everything: All rows of the tables.
        cases: Those that were asked for.
        dropped: Those of patients who are in the test split too.
        splits: Patient -> split.
        jobs: One per output image.
    """

    tree: Tree
    everything: list[Abnormality]
    cases: list[Abnormality]
    dropped: list[Abnormality]
    splits: dict[str, str]
    jobs: list[ImageJob]


def prepare(
    raw: Path, out: Path, options: Options, say: Callable[[str], object] = print
) -> list[Row]:
    """Prepare a download; a second call makes only what is missing or has changed.

    Args:
        raw: The folder of the download, in any of its layouts.
        out: The output folder, new or from an earlier run with the same ``long_side`` and
            ``merge_views``.
        options: What to prepare, and how.
        say: Receives the report.

    Returns:
        The rows of the index that was written.

    Raises:
        MammoError: No tables, or nothing that they describe, was found; patients are shared by
            train and test and may not be dropped; a mask does not fit its image and
            ``on_mismatch`` is ``fail``; ``out`` belongs to something else; or shards are to be
            merged, and images are missing.
    """
    plan = _plan_download(raw, out, options, say)
    failed = check_shards(plan.jobs, out) if options.merge else None
    make = partial(make_image, out=out)
    records = make_all(plan.jobs, make, out, workers=options.jobs, failed=failed)
    unlisted = unlisted_regions(plan.jobs, plan.everything, plan.tree)
    audit = [audit_row(case, status='dropped', reason='patient in test') for case in plan.dropped]
    rows = []
    for job, record in zip(plan.jobs, records, strict=True):
        strays = unlisted.get(job.name, ())
        lines = audit_image(job, record, options.on_mismatch, plan.splits, strays)
        audit += lines
        if lines[0]['image']:
            known = with_dicom_facts(record, job.root / record['image_file'])
            rows.append(index_row(job, known, plan.splits, is_phantom(raw)))
    order = {case.name: number for number, case in enumerate(plan.cases)}
    audit.sort(key=lambda line: order[line['abnormality']])
    say(summary(audit))
    write_audit(out, AUDIT_COLUMNS, audit, _audit_refusal(audit, raw, options))
    say(f'Every row is accounted for in {out / AUDIT_NAME}')
    write_index(out / INDEX_NAME, rows)
    say(count_table(rows))
    return rows


def prepare_shard(
    raw: Path, out: Path, options: Options, shard: Shard, say: Callable[[str], object] = print
) -> ShardCounts:
    """Make the images and masks of a shard, and nothing else; other arguments as of :func:`prepare`.

    Raises:
        MammoError: See :func:`prepare`, of the tables; and :func:`.make_shard`.
    """
    plan = _plan_download(raw, out, options, say)
    make = partial(make_image, out=out)
    return make_shard(plan.jobs, make, out, shard, workers=options.jobs)


def _plan_download(raw: Path, out: Path, options: Options, say: Callable[[str], object]) -> _Plan:
    """Read the tables and find the files; the output folder is then claimed."""
    scale_to_long_side((1, 1), options.long_side)  # a negative one is refused at once
    tree, phantom = scan(raw.resolve()), is_phantom(raw)
    layouts = [f'{name} ({count} files)' for name, count in tree.layouts.most_common()]
    say(f'Layout: {", ".join(layouts) or "no images at all"}')
    everything = _read_cases(tree, options)
    headers = file_by_header(tree, everything)
    if headers.read:
        say(str(headers))
    _say_what_is_left_out(tree, everything, phantom, say)
    cases = _select_cases(everything, tree, options, say)
    kept, dropped = drop_leaked(cases, options.leakage)
    patients = len({case.patient_id for case in dropped})
    say(f'Patients in train and test: {patients}; {len(dropped)} train rows of them are dropped')
    splits = assign_splits(kept, options.val_fraction, np.random.default_rng(options.seed))
    jobs = plan_images(kept, tree, options.long_side, options.merge_views)
    _check_files(jobs, raw)
    # What changes the pixels of a written image; every other option only chooses among them.
    claimed = {'long_side': options.long_side, 'merge_views': options.merge_views}
    claim_folder(out, {'tool': 'prepare_cbis_ddsm', **claimed})
    return _Plan(tree, everything, cases, dropped, splits, jobs)


def _read_cases(tree: Tree, options: Options) -> list[Abnormality]:
    tables = scan(options.csv_dir).tables if options.csv_dir else tree.tables
    return read_cases(table for table in tables if has_column(table, MASK_PATH))


def _select_cases(
    cases: Sequence[Abnormality], tree: Tree, options: Options, say: Callable[[str], object]
) -> list[Abnormality]:
    wanted = [case for case in cases if options.abnormality in ('all', case.finding)]
    if not wanted:
        raise DataIndexError(
            f'{options.csv_dir or tree.root}: no case description of {options.abnormality} lesions',
            ', '.join(FILE_NAMES),
            'Download the CSV files of the collection and point --csv-dir to their folder',
        )
    missing = set(SUBSETS) - {case.subset for case in wanted}
    for subset in SUBSETS:
        if subset in missing and options.abnormality in ('all', subset.split()[0]):
            say(f'WARNING: no table for {subset}; it is left out')
    return wanted


def _say_what_is_left_out(
    tree: Tree, cases: Sequence[Abnormality], phantom: bool, say: Callable[[str], object]
) -> None:
    """Warn of tables that lack rows, or cannot be opened, and of packed files."""
    rows = Counter(case.subset for case in cases)
    for subset, published in PUBLISHED_ROWS.items():
        if 0 < rows[subset] < published and not phantom:
            say(
                f'WARNING: {subset}: {rows[subset]} of the {published} published rows; a lesion '
                'whose row is missing counts as healthy tissue'
            )
    for table in tree.unreadable:
        say(f'WARNING: {table} cannot be opened; it is left out')
    if tree.archives:
        say(f'WARNING: {tree.archives} packed files ({", ".join(ARCHIVES)}) are not read: unpack')


def _check_files(jobs: Sequence[ImageJob], raw: Path) -> None:
    """Refuse a download that lacks every image, before anything is written."""
    if not any(job.images and all(region.files for region in job.regions) for job in jobs):
        raise DataFileError(
            f'{raw}: image and masks are there for none of the {len(jobs)} images',
            'images in one of the layouts L1 to L6 of docs/cbis_ddsm.md',
            'Give the folder of the download, and check that its disk is mounted',
        )


def _audit_refusal(
    audit: Sequence[Mapping[str, Any]], raw: Path, options: Options
) -> MammoError | None:
    """Why no index is written: there is no image, or what ``fail`` forbids."""
    misfits = [line for line in audit if line['reason'] == MISMATCH]
    if misfits and options.on_mismatch == 'fail':
        names = ', '.join(f'{line["abnormality"]} ({line["detail"]})' for line in misfits)
        return DataFileError(
            f'{len(misfits)} masks of another size than their image: {names}',
            'equal sizes, as --on-mismatch fail demands',
            'Choose --on-mismatch repair or drop; the images made so far are kept',
        )
    if not any(line['image'] for line in audit):
        return DataFileError(
            f'{raw}: none of the {len(audit)} rows could be used',
            'images in one of the layouts L1 to L6 of docs/cbis_ddsm.md',
            'See the reasons above; the folder must hold the images of the collection',
        )
    return None
