"""Layouts of CBIS-DDSM phantoms: place files as in the six layouts that downloads have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_mammo.io.table import read_table
from mmseg_mammo.phantoms.cbis_cases import CaseRow

# zero and number count the files of a series from 0 and from 1; study5, series5 are the last
# five digits of the UIDs; serial is the arbitrary number in the names of the JPEG mirror.
_NBIA = 'CBIS-DDSM/{folder}/{date}-DDSM-'
LAYOUTS = {
    'L1': _NBIA + '{study5}/1-{name}-{series5}/{zero:06d}.dcm',
    'L2': _NBIA + '{study5}/1.000000-{name}-{series5}/1-{number}.dcm',
    'L3': _NBIA + 'NA-{study5}/1.000000-{name}-{series5}/1-{number}.dcm',
    'L4': 'CBIS-DDSM/{folder}/{study_uid}/{series_uid}/{zero:06d}.dcm',
    'L5': 'dicom/{study_uid}/{series_uid}/{sop_uid}.dcm',
    'L6': 'jpeg/{series_uid}/{number}-{serial:03d}.jpg',
}
# SeriesDescription of the three sorts of files; folders are named after the first of a series.
FULL, MASK, CROP = 'full mammogram images', 'ROI mask images', 'cropped images'
# Share of masks that are the second file of their series. The CSVs say: second for masses, first
# for calcifications; so they are wrong about as often as for the real download.
_MASK_SECOND = {'mass': 0.63, 'calcification': 1.0}


@dataclass(frozen=True)
class Slot:
    """Place of one file: its series and its number in it, 1 or 2."""

    study_uid: str
    series_uid: str
    number: int
    name: str
    date: str
    study5: str
    series5: str


def find_slots(
    rng: np.random.Generator,
    cases: Sequence[CaseRow],
    mask_file_map: Path | None,
    planted: Mapping[str, str],
    against_csv: bool,
) -> dict[str, tuple[Slot, Slot, Slot]]:
    """The place of image, mask and crop of each abnormality.

    Args:
        rng: Decides the order within a series where no map does.
        cases: All cases of the tree.
        mask_file_map: See :func:`mmseg_mammo.phantoms.trees.write_cbis_tree`.
        planted: Abnormality -> defect; ``swapped`` exchanges the series of mask and crop.
        against_csv: Put every mask where its CSV does not say.

    Returns:
        Abnormality -> (image, mask, crop).
    """
    known = _read_map(mask_file_map) if mask_file_map else {}
    real_images = {
        case.image_path: known[case.name]['real_image']
        for case in cases
        if known.get(case.name, {}).get('real_image')
    }
    slots = {}
    for case in cases:
        real = known.get(case.name, {})
        image = _slot(case.image_path, 1, FULL, real_images.get(case.image_path, ''))
        mask_path, crop_path = case.mask_path, case.crop_path
        where = real.get('real_mask_dir', '')
        crosswise = case.is_split and where and where[-5:] == _uids(crop_path)[1][-5:]
        if planted.get(case.name) == 'swapped' or crosswise:
            mask_path, crop_path = crop_path, mask_path
        second = rng.random() < _MASK_SECOND[case.kind]
        if against_csv:
            second = case.mask_path.endswith('000000.dcm')
        if case.is_split:
            mask, crop = _slot(mask_path, 1, MASK, where), _slot(crop_path, 1, CROP)
        else:
            number = int(real['real_mask_file'][2]) if where else 1 + int(second)
            mask = _slot(mask_path, number, MASK, where)
            crop = _slot(mask_path, 3 - number, MASK, where)
        slots[case.name] = (image, mask, crop)
    return slots


def _read_map(path: Path) -> dict[str, dict[str, str]]:
    columns = ('abnormality', 'real_mask_dir', 'real_mask_file', 'real_image')
    return {record['abnormality']: record for record in read_table(path, columns)}


def _uids(path: str) -> tuple[str, str]:
    _, study, series, _ = path.split('/')
    return study, series


def _slot(path: str, number: int, name: str, real: str = '') -> Slot:
    """Slot of a CSV path; ``real`` is its true folder in the naming of L2, where known."""
    study, series = _uids(path)
    date = '07-20-2016' if name == FULL else '07-21-2016'
    study5, series5 = study[-5:], series[-5:]
    if real:
        study_folder, series_folder = real.split('/')[1:3]
        date, study5 = study_folder.split('-DDSM-')
        name, series5 = series_folder.removeprefix('1.000000-').rsplit('-', 1)
    return Slot(study, series, number, name, date, study5, series5)
