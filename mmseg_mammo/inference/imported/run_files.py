"""Run files of imported masks: what was asked for, run.json and test.json."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_mammo.datasets.description import count_left_out, describe_data
from mmseg_mammo.engine.provenance import git_state, versions
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.inference.imported.find import Found
from mmseg_mammo.inference.imported.masks import Reading
from mmseg_mammo.io.files import write_json
from mmseg_mammo.io.run_folder import DIFFERENCES, IMPORT, LEFT_OUT, RUN, SUMMARY, TEST_OUTPUT

MASKS, SCORED, PROBABILITIES = 'masks', 'masks and scores', 'probabilities'


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


def describe(
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
        'over_half': done['large'],
    }


def write_summary(
    folder: Path,
    request: Request,
    dataset: Any,
    metric: MammographyMetric,
    found: Found,
    facts: Mapping[str, Any],
    scores: Mapping[str, float],
) -> None:
    """Write test.json: scores, what they are of, and the names of what was missing."""
    missing = [r['image'] for r in metric.records if r['image'] not in found.files]
    summary = {
        'config': None,
        'checkpoint': None,
        'data_root': dataset.data_root,
        'split': dataset.split,
        'finding': dataset.finding,
        LEFT_OUT: count_left_out(dataset),
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


def write_run(
    folder: Path,
    request: Request,
    dataset: Any,
    facts: Mapping[str, Any],
    scores: Mapping[str, float],
    started: float,
) -> None:
    """Write run.json; ``started`` are seconds since the epoch."""
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
