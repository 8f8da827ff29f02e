"""Score another system's masks: the run folder that a test of one of our models leaves."""

import hashlib
import json
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import describe_data
from mmseg_mammo.engine.hooks.per_image_csv import write_metric_records
from mmseg_mammo.engine.hooks.viewer import write_viewer_pictures
from mmseg_mammo.engine.provenance import git_state, versions
from mmseg_mammo.engine.work_dir import unique_start
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.inference.imported.find import Found, MaskFile, find_files, read_mask_table
from mmseg_mammo.inference.imported.masks import Marks, Reading, read_marks
from mmseg_mammo.io.files import write_json
from mmseg_mammo.io.image import read_image
from mmseg_mammo.io.image_keys import keys_by_path
from mmseg_mammo.io.index import INDEX_NAME, read_index
from mmseg_mammo.io.run_folder import (
    DIFFERENCES,
    IMPORT,
    MASK_FILE,
    RUN,
    SUMMARY,
    TEST_OUTPUT,
    VIEWER,
)
from mmseg_mammo.preparation.progress import show_progress
from mmseg_mammo.transforms.loading import LoadLesionMask

MASKS, SCORED, PROBABILITIES = 'masks', 'masks and scores', 'probabilities'
NONE_MARKED = 'none marked'  # in place of a file's name, where a table has an empty cell


@dataclass(frozen=True)
class Request:
    """What is to be scored.

    Attributes:
        index: ``index.csv``, or the folder that has it.
        folder: Of the masks.
        name: Of the system, as the report calls it.
        table: CSV file that says which mask is whose; None matches by names.
        split: Of the index.
        finding: Keep only images with this finding, and normal ones; None keeps all.
        reading: How files are understood.
    """

    index: Path
    folder: Path
    name: str
    table: Path | None = None
    split: str = 'test'
    finding: str | None = None
    reading: Reading = field(default_factory=Reading)


def import_predictions(request: Request, work_dir: Path) -> Path:
    """Score the masks, and write the folder of a test below ``work_dir``.

    An image without a file is scored as empty, and counted. Nothing is left behind where a file
    cannot be used.

    Returns:
        The folder, named by the second of its start.

    Raises:
        MammoError: The name is empty, or has signs that no folder has; or a file or a table cannot
            be used (:mod:`.find`, :mod:`.masks`).
    """
    if not re.fullmatch(r'[^/\\\x00-\x1f]*[^/\\\x00-\x1f\s.][^/\\\x00-\x1f]*', request.name):
        raise MammoError(f'--name {request.name!r}', 'a name without slashes, such as "CAD 2.1"')
    index = request.index / INDEX_NAME if request.index.is_dir() else request.index
    if not index.is_file():
        raise MammoError(
            f'{request.index}: no {INDEX_NAME}', 'a folder of mammoseg prepare, or its index.csv'
        )
    started = time.time()
    dataset = MammographyDataset(
        data_root=str(index.parent),
        ann_file=index.name,
        split=request.split,
        finding=request.finding,
        pipeline=[],
        test_mode=True,
    )
    rows = read_index(index, check_files=False)
    if request.table:
        found = read_mask_table(request.table, request.folder, rows)
    else:
        found = find_files(request.folder, rows)
    with unique_start(work_dir):
        folder = work_dir / time.strftime('%Y%m%d_%H%M%S', time.localtime())
        folder.mkdir(parents=True)
    try:
        metric = MammographyMetric(lesions=True, threshold=request.reading.cut)
        done = _compare(dataset, found, request, metric, folder)
        scores = metric.evaluate(len(dataset))
        write_metric_records(metric, folder)
        facts = _describe(request, dataset, found, done)
        _write_summary(folder, request, dataset, metric, found, facts, scores)
        _write_run(folder, request, dataset, facts, scores, started)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _compare(
    dataset: Any, found: Found, request: Request, metric: MammographyMetric, folder: Path
) -> Counter[str]:
    """Give the metric every image; count those that were resized, and the highest level."""
    reading = request.reading
    keys, truths, done = keys_by_path(dataset), LoadLesionMask(), Counter[str]()
    for number in show_progress(range(len(dataset)), len(dataset), 'comparing'):
        facts = dataset.get_data_info(number)
        image = read_image(Path(facts['img_path']))
        shape = (image.shape[0], image.shape[1])
        truth = truths.transform({**facts, 'ori_shape': shape})['gt_seg_map']
        file = found.files.get(facts['image'])
        original = (facts['original_height'], facts['original_width'])
        marks = read_marks(file, shape, original, reading)
        done['resized'] += marks.resized
        done['highest'] = max(done['highest'], marks.highest)
        metric.process(None, [_sample(facts, truth, marks)])
        _complete(metric.results[-1], file, request.folder)
        key = keys[facts['img_path']]
        write_viewer_pictures(folder / VIEWER, key, image, truth > 0, marks.mask)
    if reading.probabilities and done['highest'] == 1:
        raise MammoError(
            '--probabilities: no file has a value beyond 1, of 255 or 65535',
            'maps whose highest level is a probability of 1',
            'For masks of 0 and 1, leave --probabilities out',
        )
    return done


def _sample(facts: Mapping[str, Any], truth: np.ndarray, marks: Marks) -> dict[str, Any]:
    """What mmseg hands to a metric for one image."""
    arrays = {'seg_logits': marks.probability, 'pred_sem_seg': marks.mask, 'gt_sem_seg': truth}
    data = {name: {'data': torch.from_numpy(array)[None]} for name, array in arrays.items()}
    return {**facts, **data}


def _complete(record: dict[str, Any], file: MaskFile | None, folder: Path) -> None:
    """Add the file to a record; and the score of the table, which is that of all its marks too."""
    record[MASK_FILE] = ''
    if file is None:
        return
    record[MASK_FILE] = os.path.relpath(file.path, folder) if file.path else NONE_MARKED
    if file.score is None:
        return
    record['max_probability'] = file.score
    for row in record['lesions']:
        if row['kind'] == 'detection':
            row['score'] = file.score


def _describe(
    request: Request, dataset: Any, found: Found, done: Mapping[str, int]
) -> dict[str, Any]:
    """Counts for run.json and test.json; nothing of patients."""
    images = {dataset.get_data_info(number)['image'] for number in range(len(dataset))}
    scored = any(file.score is not None for file in found.files.values())
    return {
        'name': request.name,
        'folder': str(request.folder),
        'table': str(request.table) if request.table else None,
        'kind': PROBABILITIES if request.reading.probabilities else SCORED if scored else MASKS,
        'lesion_values': list(request.reading.lesion_values),
        'images': len(images),
        'missing': len(images - found.files.keys()),
        'unmatched': len(found.unmatched),
        'of_other_images': len(found.files.keys() - images),
        'by_file_name_alone': len(found.loose),
        'resized': done['resized'],
    }


def _write_summary(
    folder: Path,
    request: Request,
    dataset: Any,
    metric: MammographyMetric,
    found: Found,
    facts: Mapping[str, Any],
    scores: Mapping[str, float],
) -> None:
    missing = [r['image'] for r in metric.records if r['image'] not in found.files]
    summary = {
        'config': None,
        'checkpoint': None,
        'data_root': dataset.data_root,
        'split': dataset.split,
        'finding': dataset.finding,
        'evaluator': {
            'type': type(metric).__name__,
            'lesions': True,
            'threshold': request.reading.cut,
        },
        TEST_OUTPUT: _test_output(request.reading),
        DIFFERENCES: [],
        IMPORT: {**facts, 'missing_images': missing, 'unmatched_files': list(found.unmatched)},
        'scores': scores,
    }
    write_json(folder / SUMMARY, summary)


def _write_run(
    folder: Path,
    request: Request,
    dataset: Any,
    facts: Mapping[str, Any],
    scores: Mapping[str, float],
    started: float,
) -> None:
    settings = {'folder': str(request.folder.resolve()), **vars(request.reading)}
    text = json.dumps(settings, sort_keys=True, default=str)
    record = {
        'mode': 'test',
        'config': None,
        'config_sha256': hashlib.sha256(text.encode()).hexdigest(),
        'checkpoint': None,
        'started': time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(started)),
        'data': {'test': describe_data(dataset)},
        TEST_OUTPUT: _test_output(request.reading),
        IMPORT: facts,
        'versions': versions(),
        'git': git_state(Path(__file__).parent),
        'state': 'finished',
        'seconds': round(time.time() - started, 1),
        'scores': scores,
    }
    write_json(folder / RUN, record)


def _test_output(reading: Reading) -> dict[str, Any]:
    """As of a test of ours; what cut masks that come without probabilities is not known."""
    cut = reading.cut if reading.probabilities else None
    return {'threshold': cut, 'temperature': 1.0, 'breast_only': False, 'trained_threshold': cut}
