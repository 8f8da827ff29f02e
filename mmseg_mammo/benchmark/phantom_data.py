"""Phantom data for benchmarks: a raw download, its preparation, and an index of the DICOM files themselves."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.benchmark.plain_preparation import plan, prepare_plain
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.io.index import INDEX_NAME, read_index, write_index
from mmseg_mammo.phantoms.trees import write_cbis_tree
from mmseg_mammo.preparation.cbis_ddsm.prepare import Options, prepare

RAW, PREPARED, DICOM = 'raw', 'prepared', 'dicom'
LONG_SIDE = 2048


def make_raw(folder: Path, images: int, height: int) -> Path:
    """Write a download of about so many phantoms, most of them of training.

    Args:
        folder: Gets ``raw/``.
        images: A third of them for the test.
        height: Typical height in pixels; real films have 3000 to 6900.
    """
    each = max(1, images // 3)
    subset = ('mass-train', 'calc-train', 'mass-test')
    return write_cbis_tree(
        folder / RAW, patients=max(8, images), height=height, subset=subset, limit=each
    )


def measure_preparation(
    folder: Path, jobs: Sequence[int], long_side: int = LONG_SIDE
) -> list[dict[str, Any]]:
    """Prepare a download by so many processes each, and by a plain script in one.

    Args:
        folder: With ``raw/``; gets ``prepared/`` and others.
        jobs: Numbers of processes.
        long_side: Of the prepared images.

    Returns:
        A row for each: ``name``, ``jobs``, ``images``, ``seconds``, ``images_per_second`` and
        ``cpu_seconds``, which are known of one process only.
    """
    rows = []
    for number, count in enumerate(jobs):
        out = folder / (PREPARED if not number else f'prepared_{count}')
        options = Options(long_side=long_side, jobs=count)
        start, cpu_start = time.perf_counter(), time.process_time()
        made = len(prepare(folder / RAW, out, options, _quiet))
        rows.append(_row('mammoseg prepare-cbis', count, made, start, cpu_start))
    found = plan(folder / PREPARED)
    start, cpu_start = time.perf_counter(), time.process_time()
    prepare_plain(folder / RAW, found, folder / 'plain', long_side)
    rows.append(_row('pydicom and OpenCV', 1, len(found), start, cpu_start))
    return rows


def _quiet(line: str) -> None:
    """Say nothing: what a preparation says is of its data."""


def _row(name: str, jobs: int, images: int, start: float, cpu_start: float) -> dict[str, Any]:
    seconds = time.perf_counter() - start
    return {
        'name': name,
        'jobs': jobs,
        'images': images,
        'seconds': seconds,
        'images_per_second': images / seconds,
        'cpu_seconds': time.process_time() - cpu_start if jobs == 1 else None,
    }


def index_dicom(folder: Path) -> Path:
    """Index the DICOM files of a download themselves, with masks of full size.

    Args:
        folder: With ``raw/``; gets ``dicom/``.

    Returns:
        The data root.
    """
    out = folder / DICOM
    rows = prepare(folder / RAW, out, Options(long_side=0, jobs=1), _quiet)
    files = plan(out)
    (out / RAW).symlink_to(folder.resolve() / RAW)
    own = [replace(row, image=f'{RAW}/{files[row.image][0]}') for row in rows]
    write_index(out / INDEX_NAME, own)
    read_index(out / INDEX_NAME)
    return out


def use_data(cfg: Config, root: Path) -> None:
    """Let the loaders of a config read from another data root."""
    for split in ('train', 'val', 'test'):
        for _, dataset in datasets_of(cfg.get(f'{split}_dataloader') or {}, ''):
            dataset['data_root'] = str(root)
            dataset.pop('ann_file', None)
