"""Score another system's masks: the run folder that a test of one of our models leaves."""

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.engine.hooks.per_image_csv import write_metric_records
from mmseg_mammo.engine.hooks.viewer import write_viewer_pictures
from mmseg_mammo.engine.work_dir import unique_start
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.inference.imported.find import Found, MaskFile, find_files, read_mask_table
from mmseg_mammo.inference.imported.masks import Marks, read_marks
from mmseg_mammo.inference.imported.run_files import Request, describe, write_run, write_summary
from mmseg_mammo.io.image import read_image
from mmseg_mammo.io.image_keys import keys_by_path
from mmseg_mammo.io.index import INDEX_NAME, read_index
from mmseg_mammo.io.run_folder import MASK_FILE, VIEWER
from mmseg_mammo.preparation.progress import show_progress
from mmseg_mammo.transforms.loading import LoadLesionMask

LARGE = 0.5  # of an image; no lesion is so large
NONE_MARKED = 'none marked'  # in place of a file's name, where a table has an empty cell


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
        facts = describe(request, dataset, found, done)
        write_summary(folder, request, dataset, metric, found, facts, scores)
        write_run(folder, request, dataset, facts, scores, started)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _compare(
    dataset: Any, found: Found, request: Request, metric: MammographyMetric, folder: Path
) -> Counter[str]:
    """Give the metric every image; count what is odd about them; and the highest level."""
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
        done['marked'] += bool(marks.mask.any())
        done['large'] += bool(marks.mask.mean() > LARGE)
        done['highest'] = max(done['highest'], marks.highest)
        metric.process(None, [_sample(facts, truth, marks)])
        _complete(metric.results[-1], file, request.folder)
        key = keys[facts['img_path']]
        outlined = truth == 1  # a lesion that nobody outlined is 255 everywhere
        write_viewer_pictures(folder / VIEWER, key, image, outlined, marks.mask)
    if reading.probabilities and done['highest'] == 1:
        raise MammoError(
            '--probabilities: no file has a value beyond 1, of 255 or 65535',
            'maps whose highest level is a probability of 1',
            'For masks of 0 and 1, leave --probabilities out',
        )
    if reading.lesion_values and not done['marked']:
        values = ','.join(map(str, reading.lesion_values))
        raise MammoError(
            f'--lesion-values {values}: no file has any of them', 'values that mean lesion'
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
