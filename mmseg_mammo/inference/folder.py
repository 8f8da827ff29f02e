"""Prediction folder: the files that predictions are written to, image by image, and their tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.inputs import Input
from mmseg_mammo.inference.journal import FOLDER, Journal
from mmseg_mammo.inference.prediction import Prediction, Region
from mmseg_mammo.io.dicom.reader import is_dicom, read_identity
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.files import read_json, write_atomic, write_json
from mmseg_mammo.io.image import resize_mask, scale_to_long_side, write_png
from mmseg_mammo.io.run_folder import VIEWER, picture_names
from mmseg_mammo.io.table import write_table
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, grey_picture, mark_mask

PREDICTIONS, LESIONS, BREASTS, FAILED = (
    *('predictions.csv', 'lesions.csv'),
    *('breasts.csv', 'failed.csv'),
)
MASKS, OVERLAYS, PROBABILITIES, SEGMENTATIONS = (
    *('masks', 'overlays'),
    *('probabilities', 'segmentations'),
)
IMAGE_COLUMNS = (
    *('key', 'image', 'patient_id', 'laterality', 'view', 'height', 'width', 'score', 'regions'),
    *('area_pixels', 'area_mm2', 'threshold', 'seconds', 'mask'),
)
LESION_COLUMNS = ('key', 'image', *(field.name for field in fields(Region)))
BREAST_COLUMNS = ('patient_id', 'laterality', 'images', 'views', 'score', 'regions', 'files')
_SETTINGS = 'settings.json'
_OVERLAY_SIDE, _VIEWER_SIDE = 1024, 384  # pixels


@dataclass(frozen=True)
class Wanted:
    """What is written beside masks, overlays and tables.

    Attributes:
        probabilities: 16-bit PNG of the probability, 65535 for 1.
        segmentations: DICOM SEG of DICOM images.
        empty_segmentations: Also where nothing is marked.
        model: What a DICOM SEG calls the algorithm.
        serial: What it calls the device: the hash of the checkpoint.
    """

    probabilities: bool = False
    segmentations: bool = False
    empty_segmentations: bool = False
    model: str = ''
    serial: str = ''


def claim_folder(out: Path, settings: Mapping[str, Any]) -> None:
    """Make ``out`` the folder of predictions with these settings, or see that it is.

    Raises:
        MammoError: It holds something else, or predictions with other settings.
    """
    # Listed before the settings are looked for: of processes that start at once on a new folder,
    # the one ahead writes these first of all.
    foreign = out.exists() and (
        not out.is_dir() or any(one.name != FOLDER for one in out.iterdir())
    )
    path = out / FOLDER / _SETTINGS
    if path.is_file():
        earlier = read_json(path)
        changed = [k for k in {**earlier, **settings} if earlier.get(k) != settings.get(k)]
        if changed:
            raise MammoError(
                f'{out} holds predictions with other settings: '
                + ', '.join(f'{k} was {earlier.get(k)}, is {settings.get(k)}' for k in changed),
                remedy='Name another --out, or repeat the earlier settings to go on',
            )
        return
    if foreign:
        raise MammoError(
            f'{out}: not empty, and not made by mammoseg predict',
            'a new or empty folder, or one to go on with',
            'Name another --out',
        )
    write_json(path, settings)


def write_image(out: Path, one: Input, image: np.ndarray, found: Prediction, wanted: Wanted) -> str:
    """Write the files of one image.

    Args:
        out: The prediction folder.
        one: The image.
        image: H×W grey levels.
        found: What the model makes of it.
        wanted: What is written beside.

    Returns:
        The mask, relative to ``out``.
    """
    name = f'{one.key}.png'
    write_png(out / MASKS / name, found.mask.astype(np.uint8) * 255)
    if wanted.probabilities:
        levels = np.rint(found.probability * 65535).astype(np.uint16)
        write_png(out / PROBABILITIES / name, levels)
    if wanted.segmentations and is_dicom(one.path):
        write_segmentation(
            one.path,
            found.mask,
            out / SEGMENTATIONS / f'{one.key}.dcm',
            model=wanted.model,
            serial=wanted.serial,
            empty=wanted.empty_segmentations,
        )
    _write_pictures(out, one.key, image, found.mask)
    return f'{MASKS}/{name}'


def _write_pictures(out: Path, key: str, image: np.ndarray, mask: np.ndarray) -> None:
    shape = scale_to_long_side(image.shape, _OVERLAY_SIDE)
    grey = grey_picture(image, shape)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    marked = mark_mask(colour, resize_mask(mask, shape), PREDICTION_COLOUR)
    _write(out / OVERLAYS / f'{key}.jpg', marked, cv2.IMWRITE_JPEG_QUALITY, 90)
    shape = scale_to_long_side(image.shape, _VIEWER_SIDE)
    small, _, predicted = picture_names(key)
    picture = cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA)
    _write(out / VIEWER / small, picture, cv2.IMWRITE_JPEG_QUALITY, 85)
    if mask.any():
        pixels = resize_mask(mask, shape).astype(np.uint8) * 255
        _write(out / VIEWER / predicted, pixels, cv2.IMWRITE_PNG_BILEVEL, 1)


def _write(path: Path, pixels: np.ndarray, *options: int) -> None:
    encoded = cv2.imencode(path.suffix, pixels, options)[1]
    write_atomic(path, lambda stream: stream.write(encoded.tobytes()))


def image_line(one: Input, found: Prediction, mask: str, side: str, view: str) -> dict[str, Any]:
    """What the tables say of an image, for the journal: the columns of an image, and its lesions."""
    area = int(np.count_nonzero(found.mask))
    unit = found.spacing[0] * found.spacing[1] if found.spacing else None
    return {
        'key': one.key,
        'image': one.image,
        'patient_id': one.patient_id,
        'laterality': one.laterality or side,
        'view': one.view or view,
        'height': found.mask.shape[0],
        'width': found.mask.shape[1],
        'score': found.score,
        'regions': len(found.regions),
        'area_pixels': area,
        'area_mm2': area * unit if unit else None,
        'threshold': found.threshold,
        'mask': mask,
        'lesions': [asdict(region) for region in found.regions],
    }


def write_tables(out: Path, inputs: Sequence[Input], journal: Journal) -> dict[str, int]:
    """Write the four tables from the journal, in the order of the inputs.

    Returns:
        Counts: ``images`` that were predicted, ``failed`` ones, ``with_marks``.
    """
    done = [one for one in inputs if one.key not in journal.failed]
    failed = (journal.line(one.key) for one in inputs if one.key in journal.failed)
    counts = {'images': len(done), 'failed': len(inputs) - len(done), 'with_marks': 0}

    def images() -> Iterator[dict[str, Any]]:
        for line in _of(done, journal):
            counts['with_marks'] += line['regions'] > 0
            yield {name: line.get(name) for name in IMAGE_COLUMNS}

    write_table(out / PREDICTIONS, IMAGE_COLUMNS, images())
    write_table(out / LESIONS, LESION_COLUMNS, _lesions(done, journal))
    write_table(out / BREASTS, BREAST_COLUMNS, _breasts(done, journal))
    rows = ({'image': line['image'], 'reason': line['failed']} for line in failed)
    write_table(out / FAILED, ('image', 'reason'), rows)
    return counts


def _of(done: Iterable[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    return (journal.line(one.key) for one in done)


def _lesions(done: Iterable[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    for line in _of(done, journal):
        for region in line['lesions']:
            yield {'key': line['key'], 'image': line['image'], **region}


def _breasts(done: Sequence[Input], journal: Journal) -> Iterator[dict[str, Any]]:
    """One row a breast: images of one patient and side; an image of unknown ones stands alone.

    Patients of DICOM files are told apart by their headers, of which nothing is written.
    """
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in done:
        line = journal.line(one.key)
        patient, side = _patient(one), line['laterality']
        name = (patient, side) if patient and side else ('', '', one.key)
        group = groups.setdefault(
            name,
            {
                'patient_id': one.patient_id,
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
        yield {**group, 'views': ' '.join(group['views']), 'files': ' '.join(group['files'])}


def _patient(one: Input) -> str:
    if one.patient_id:
        return f'given {one.patient_id}'
    try:
        found = read_identity(one.path).patient_id if is_dicom(one.path) else ''
    except MammoError:  # the file has gone since
        found = ''
    return found and f'header {found}'
