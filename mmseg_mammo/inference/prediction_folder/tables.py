"""Prediction folder: whose it is, and the tables of all its images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction import Prediction, Region
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import FOLDER, Journal
from mmseg_mammo.inference.predictor import Loaded
from mmseg_mammo.io.dicom.reader import is_dicom, read_identity
from mmseg_mammo.io.files import read_json, write_json
from mmseg_mammo.io.run_folder import CANDIDATE_SCORES
from mmseg_mammo.io.table import write_table
from mmseg_mammo.preparation.image_statistics import image_statistics
from mmseg_mammo.preparation.likeness import UNLIKE, UNUSUAL, Reference

PREDICTIONS, LESIONS = 'predictions.csv', 'lesions.csv'
BREASTS, FAILED = 'breasts.csv', 'failed.csv'
CANDIDATES = 'candidates.csv'  # of models of two stages
IMAGE_COLUMNS = (
    *('key', 'image', 'patient_id', 'laterality', 'view', 'height', 'width', 'score', 'regions'),
    *('area_pixels', 'area_mm2', 'threshold', 'seconds', 'mask'),
    *('likeness', 'likeness_why', 'likeness_network'),
)
PRESENCE_COLUMNS = ('presence', 'closed')  # of models that say whether there is a lesion at all
LESION_COLUMNS = ('key', 'image', *(field.name for field in fields(Region)))
CANDIDATE_COLUMNS = (
    *('key', 'image', 'number', 'x', 'y', 'left', 'top', 'right', 'bottom', *CANDIDATE_SCORES),
    'kept',
)
BREAST_COLUMNS = ('patient_id', 'laterality', 'images', 'views', 'score', 'regions', 'files')
_SETTINGS = 'settings.json'


def claim_folder(
    out: Path, settings: Mapping[str, Any], what: str = 'predictions', command: str = 'predict'
) -> None:
    """Make ``out`` the folder of predictions with these settings, or see that it is.

    Args:
        out: The folder.
        settings: That decide what is in it.
        what: How messages call that.
        command: Of ``mammoseg``, which makes it.

    Raises:
        MammoError: It holds something else, or predictions with other settings.
    """
    # First: a process of another part may be making the folder now.
    entries = [entry.name for entry in out.iterdir()] if out.is_dir() else []
    path = out / FOLDER / _SETTINGS
    if path.is_file():
        earlier = read_json(path)
        changed = [k for k in {**earlier, **settings} if earlier.get(k) != settings.get(k)]
        if changed:
            raise MammoError(
                f'{out} holds {what} with other settings: '
                + ', '.join(f'{k} was {earlier.get(k)}, is {settings.get(k)}' for k in changed),
                remedy='Name another --out, or repeat the earlier settings to go on',
            )
        return
    if (out.exists() and not out.is_dir()) or set(entries) - {FOLDER}:
        raise MammoError(
            f'{out}: {"not empty, and" if out.is_dir() else "a file,"} not made by mammoseg {command}',
            'a new or empty folder, or one to go on with',
            'Name another --out',
        )
    write_json(path, settings)


def image_line(
    source: Input,
    loaded: Loaded,
    found: Prediction,
    mask: str,
    reference: Reference | None = None,
) -> dict[str, Any]:
    """What the tables say of an image, for the journal: the columns of an image, and its lesions.

    Args:
        source: The image.
        loaded: As it was read.
        found: What the model makes of it.
        mask: The file of the mask, in the folder.
        reference: The training images; None where the checkpoint does not tell of them.
    """
    area = int(np.count_nonzero(found.mask))
    laterality = source.laterality or loaded.laterality
    unit = found.spacing[0] * found.spacing[1] if found.spacing else None
    return {
        'key': source.key,
        'image': source.image,
        'patient_id': source.patient_id,
        'laterality': laterality,
        'view': source.view or loaded.view,
        **_likeness(loaded.image, laterality, found.features, reference),
        'height': found.mask.shape[0],
        'width': found.mask.shape[1],
        'score': found.score,
        'regions': len(found.regions),
        'area_pixels': area,
        'area_mm2': round(area * unit, 4) if unit else None,
        'threshold': found.threshold,
        'mask': mask,
        'without_prompt': loaded.without_prompt,
        **_presence(found),
        'lesions': [asdict(region) for region in found.regions],
        **_candidate_lines(found),
    }


def _presence(found: Prediction) -> dict[str, Any]:
    if found.presence is None:
        return {}
    return {'presence': round(found.presence, 6), 'closed': int(found.closed)}


def _candidate_lines(found: Prediction) -> dict[str, Any]:
    if found.candidates is None:
        return {}
    rows = []
    for number, one in enumerate(found.candidates, start=1):
        edges = zip(('left', 'top', 'right', 'bottom'), one['crop'], strict=True)
        place = {'x': one['x'], 'y': one['y'], **dict(edges)}
        rows.append(
            {
                'number': number,
                **{name: round(value, 2) for name, value in place.items()},
                **{name: round(one[name], 6) for name in CANDIDATE_SCORES},
                'kept': int(one['kept']),
            }
        )
    return {'candidates': rows}


def _likeness(
    image: np.ndarray, laterality: str, features: np.ndarray | None, reference: Reference | None
) -> dict[str, Any]:
    if reference is None:
        return {'likeness': None, 'likeness_why': None, 'likeness_network': None}
    found = reference.judge(image_statistics(image), laterality, features)
    shares = {'likeness': found.share, 'likeness_network': found.network}
    return {'likeness_why': found.why, **{k: v and round(v, 4) for k, v in shares.items()}}


def write_tables(out: Path, inputs: Sequence[Input], journal: Journal) -> dict[str, int]:
    """Write the four tables, and of two stages a fifth, from the journal, in the order of the inputs.

    Returns:
        Counts: ``images`` that were predicted, ``failed`` ones, those ``with_marks``, of a model
        with presence those that are ``closed``, those
        ``without_prompt`` of a model that takes prompts, those ``without_segmentation``, of
        which no DICOM SEG could be made, and those that were ``compared`` with the training images,
        with the ``unusual`` and the ``unlike`` ones among them.
    """
    done = [source for source in inputs if source.key not in journal.failed]
    counts = {'images': len(done), 'failed': len(inputs) - len(done)}
    counts |= {'with_marks': 0, 'without_prompt': 0, 'without_segmentation': 0}
    counts |= {'compared': 0, UNUSUAL: 0, UNLIKE: 0}
    with_presence = bool(done) and 'presence' in journal.line(done[0].key)
    columns = (*IMAGE_COLUMNS, *PRESENCE_COLUMNS * with_presence)
    counts |= {'closed': 0} if with_presence else {}

    def images() -> Iterator[dict[str, Any]]:
        for line in _of(done, journal):
            counts['with_marks'] += line['regions'] > 0
            counts['without_prompt'] += line['without_prompt']
            counts['without_segmentation'] += 'without_segmentation' in line
            why = line.get('likeness_why') or ''  # none in a line of an earlier version
            counts['compared'] += bool(why)
            for word in (UNUSUAL, UNLIKE):
                counts[word] += why.startswith(word)
            if with_presence:
                counts['closed'] += line['closed']
            yield {name: line.get(name) for name in columns}

    write_table(out / PREDICTIONS, columns, images())
    write_table(out / LESIONS, LESION_COLUMNS, _nested('lesions', done, journal))
    if done and 'candidates' in journal.line(done[0].key):
        write_table(out / CANDIDATES, CANDIDATE_COLUMNS, _nested('candidates', done, journal))
    write_table(out / BREASTS, BREAST_COLUMNS, _breasts(done, journal))
    write_table(out / FAILED, ('image', 'reason'), _failures(inputs, journal))
    return counts


def _failures(inputs: Iterable[Input], journal: Journal) -> Iterator[dict[str, str]]:
    for line in _of(inputs, journal):
        if 'failed' in line:
            yield {'image': line['image'], 'reason': line['failed']}
        elif 'without_segmentation' in line:
            reason = f'predicted, but not written as DICOM SEG: {line["without_segmentation"]}'
            yield {'image': line['image'], 'reason': reason}


def _of(done: Iterable[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    return (journal.line(source.key) for source in done)


def _nested(name: str, done: Iterable[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    for line in _of(done, journal):
        for row in line[name]:
            yield {'key': line['key'], 'image': line['image'], **row}


def _breasts(done: Sequence[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    """One row a breast: images of one patient and side; an image of unknown ones stands alone.

    Patients of DICOM files are told apart by their headers, of which nothing is written.
    """
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for source in done:
        line = journal.line(source.key)
        patient, side = _patient(source), line['laterality']
        name = (patient, side) if patient and side else ('', '', source.key)
        group = groups.setdefault(
            name,
            {
                'patient_id': source.patient_id,
                'laterality': side,
                'images': 0,
                'views': [],
                'score': 0.0,
                'regions': 0,
                'files': [],
            },
        )
        group['images'] += 1
        group['score'] = max(group['score'], line['score'])
        group['regions'] += line['regions']
        group['files'].append(line['image'])
        if line['view'] and line['view'] not in group['views']:
            group['views'].append(line['view'])
    for group in groups.values():
        yield {**group, 'views': ' '.join(group['views']), 'files': ' | '.join(group['files'])}


def _patient(source: Input) -> str:
    if source.patient_id:
        return f'given {source.patient_id}'
    try:
        found = read_identity(source.path).patient_id if is_dicom(source.path) else ''
    except MammoError:  # the file has gone since
        found = ''
    return found and f'header {found}'
