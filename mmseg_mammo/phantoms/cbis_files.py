"""Files of CBIS-DDSM phantoms: writes full images, masks, crops and their tables."""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import resize_mask
from mmseg_mammo.io.table import write_table
from mmseg_mammo.phantoms.cbis_cases import CaseRow, make_uid
from mmseg_mammo.phantoms.cbis_layouts import CROP, FULL, LAYOUTS, MASK, Slot
from mmseg_mammo.phantoms.dicom import Identity, film_dataset, write_dicom
from mmseg_mammo.phantoms.mammogram import APPEARANCES, Lesion, make_mammogram
from mmseg_mammo.preparation.progress import show_progress

CROP_MARGIN = 20
_METADATA = (
    'Series UID', 'Collection', '3rd Party Analysis', 'Data Description URI', 'Subject ID',
    'Study UID', 'Study Description', 'Study Date', 'Series Description', 'Manufacturer',
    'Modality', 'SOP Class Name', 'SOP Class UID', 'Number of Images', 'File Size',
    'File Location', 'Download Timestamp',
)  # fmt: skip
_DICOM_INFO = (
    'file_path', 'image_path', 'BitsAllocated', 'Columns', 'InstanceNumber', 'Laterality',
    'Modality', 'PatientID', 'PatientOrientation', 'PhotometricInterpretation', 'Rows',
    'SeriesDescription', 'SeriesInstanceUID', 'SOPInstanceUID', 'StudyInstanceUID',
)  # fmt: skip
# Share of files without SeriesDescription in the real download.
_NO_DESCRIPTION = 0.055


def write_views(
    writer: 'CbisWriter',
    cases: Sequence[CaseRow],
    chosen: Sequence[CaseRow],
    slots: Mapping[str, tuple[Slot, Slot, Slot]],
    planted: Mapping[str, str],
    height: int,
) -> list[dict[str, str]]:
    """Make one mammogram per exposure, with the lesions of all its copies.

    Args:
        writer: Knows the layout.
        cases: All cases of the tree, so that a subset shows the same images as the whole.
        chosen: The cases to write files for.
        slots: Abnormality -> where its image, mask and crop lie.
        planted: Abnormality -> its defect.
        height: Typical height of an image in pixels.

    Returns:
        One row of ``phantom_truth.csv`` for each chosen case.
    """
    views: defaultdict[str, list[CaseRow]] = defaultdict(list)
    for case in cases:
        views[case.view_key].append(case)
    wanted = {case.name for case in chosen}
    lost = {case.image_path for case in chosen if planted.get(case.name) == 'missing-image'}
    truth = []
    keys = dict.fromkeys(case.view_key for case in chosen)
    for key in show_progress(keys, len(keys), 'phantoms'):
        group = views[key]
        rng = np.random.default_rng([writer.seed, zlib.crc32(key.encode())])
        pixels, lesions = make_mammogram(
            rng,
            APPEARANCES['cbis'],
            _draw_shape(rng, height),
            group[0].laterality,
            group[0].view,
            [(case.kind, case.pathology) for case in group],
            group[0].density,
        )
        for case, lesion in zip(group, lesions, strict=True):
            if case.name in wanted:
                defect = planted.get(case.name, '')
                row = {'abnormality': case.name, 'subset': case.subset, 'defect': defect}
                if case.image_path not in lost:
                    image = writer.write(slots[case.name][0], case, FULL, pixels)
                    row['image'] = image
                if defect != 'missing':
                    row |= _write_roi(writer, case, slots[case.name], pixels, lesion, defect)
                truth.append(row)
    return truth


def _write_roi(
    writer: 'CbisWriter',
    case: CaseRow,
    slots: tuple[Slot, Slot, Slot],
    pixels: np.ndarray,
    lesion: Lesion,
    defect: str,
) -> dict[str, str]:
    """Mask and crop of one abnormality; returns their paths."""
    _, mask_slot, crop_slot = slots
    mask = _damage(lesion.mask, defect).astype(np.uint8) * 255
    top, bottom, left, right = crop_box(lesion.mask)
    crop = np.ascontiguousarray(pixels[top:bottom, left:right])
    return {
        'mask': writer.write(mask_slot, case, MASK, mask),
        'crop': writer.write(crop_slot, case, CROP, crop),
    }


def crop_box(mask: np.ndarray, margin: int = CROP_MARGIN) -> tuple[int, int, int, int]:
    """Box of a lesion as CBIS-DDSM crops it.

    Args:
        mask: H×W bool, at least one pixel set.
        margin: Pixels added on each side, cut at the border of the image.

    Returns:
        (top, bottom, left, right) in pixels, bottom and right exclusive.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        max(0, int(rows[0]) - margin),
        min(mask.shape[0], int(rows[-1]) + 1 + margin),
        max(0, int(columns[0]) - margin),
        min(mask.shape[1], int(columns[-1]) + 1 + margin),
    )


def _damage(mask: np.ndarray, defect: str) -> np.ndarray:
    height, width = mask.shape
    if defect == 'scaled':
        return resize_mask(mask, (round(0.87 * height), round(0.87 * width)))
    if defect == 'shifted':  # a few pixels, not the same share of both sides
        return resize_mask(mask, (height + 3, width - 5))
    return np.zeros_like(mask) if defect == 'empty' else mask


def _draw_shape(rng: np.random.Generator, height: int) -> tuple[int, int]:
    """(H, W) with the spread of scanned films: H within 10 %, W/H 0.5–0.75."""
    rows = round(height * rng.uniform(0.9, 1.1))
    return rows, round(rows * rng.uniform(0.5, 0.75))


class CbisWriter:
    """Writes instances into one layout and keeps what its tables need.

    Args:
        root: Folder of the tree.
        layout: Key of :data:`LAYOUTS`.
        seed: Of pixels, UIDs and serial numbers.
    """

    def __init__(self, root: Path, layout: str, seed: int) -> None:
        self.seed = seed
        self.tables = root / 'csv' if layout == 'L6' else root
        self._root, self._layout = root, layout
        self._series: dict[str, dict[str, Any]] = {}
        self._instances: dict[str, dict[str, Any]] = {}

    def write(self, slot: Slot, case: CaseRow, description: str, pixels: np.ndarray) -> str:
        """Write one file, unless it is there; returns its path under the root."""
        folder = (case.image_path if description == FULL else case.mask_path).split('/')[0]
        key = zlib.crc32(f'{slot.series_uid}/{slot.number}'.encode())
        rng = np.random.default_rng([self.seed, key])
        if rng.random() < _NO_DESCRIPTION:
            description = ''
        month, day, year = slot.date.removesuffix('-NA').split('-')
        identity = Identity(
            patient_id=folder, laterality=case.laterality, view=case.view,
            study_uid=slot.study_uid, series_uid=slot.series_uid, sop_uid=make_uid(rng),
            description=description, date=year + month + day, number=slot.number,
        )  # fmt: skip
        path = LAYOUTS[self._layout].format(
            **asdict(slot), folder=folder, zero=slot.number - 1, sop_uid=identity.sop_uid,
            serial=int(rng.integers(1, 300)),
        )  # fmt: skip
        if path not in self._instances:
            self._save(self._root / path, film_dataset(pixels, identity), pixels)
            self._note(path, slot, identity, pixels)
        return path

    def finish(self) -> None:
        """Write ``metadata.csv`` (L1–L4) or ``csv/dicom_info.csv`` (L6)."""
        if self._layout in ('L1', 'L2', 'L3', 'L4'):
            write_table(self._root / 'metadata.csv', _METADATA, self._series.values())
        elif self._layout == 'L6':
            write_table(self.tables / 'dicom_info.csv', _DICOM_INFO, self._instances.values())

    def _save(self, path: Path, dataset: Any, pixels: np.ndarray) -> None:
        if self._layout == 'L6':
            levels = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
            encoded = cv2.imencode('.jpg', levels)[1]
            write_atomic(path, lambda stream: stream.write(encoded.tobytes()))
        else:
            write_dicom(path, dataset)

    def _note(self, path: str, slot: Slot, identity: Identity, pixels: np.ndarray) -> None:
        self._instances[path] = {
            'file_path': f'CBIS-DDSM/dicom/{slot.series_uid}/{PurePosixPath(path).stem}.dcm',
            'image_path': f'CBIS-DDSM/{path}',
            'BitsAllocated': pixels.dtype.itemsize * 8,
            'Columns': pixels.shape[1], 'Rows': pixels.shape[0],
            'InstanceNumber': identity.number, 'Laterality': identity.laterality[0],
            'Modality': 'MG', 'PatientID': identity.patient_id,
            'PatientOrientation': identity.view, 'PhotometricInterpretation': 'MONOCHROME2',
            'SeriesDescription': identity.description, 'SeriesInstanceUID': slot.series_uid,
            'SOPInstanceUID': identity.sop_uid, 'StudyInstanceUID': slot.study_uid,
        }  # fmt: skip
        series = self._series.setdefault(slot.series_uid, {
            'Series UID': slot.series_uid, 'Collection': 'CBIS-DDSM',
            '3rd Party Analysis': 'null', 'Data Description URI': 'null',
            'Subject ID': identity.patient_id, 'Study UID': slot.study_uid,
            'Study Description': 'null', 'Study Date': slot.date,
            'Series Description': slot.name, 'Manufacturer': 'null', 'Modality': 'MG',
            'SOP Class Name': 'Secondary Capture Image Storage',
            'SOP Class UID': '1.2.840.10008.5.1.4.1.1.7', 'Number of Images': 0,
            'File Size': 0, 'File Location': './' + str(PurePosixPath(path).parent),
            'Download Timestamp': '2021-04-18T18:12:57.259',
        })  # fmt: skip
        series['Number of Images'] += 1
        size = (self._root / path).stat().st_size / 1e6
        series['File Size'] = f'{float(str(series["File Size"]).split()[0]) + size:.2f} MB'
