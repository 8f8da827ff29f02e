"""Mammograms as hospitals store them, and masks for them, for the tests of DICOM segmentations."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import JPEG2000Lossless, generate_uid

from mmseg_mammo.phantoms.dicom import Identity, digital_dataset, film_dataset, write_dicom

PATIENT = 'MARKED^PATIENT'
SHAPE = (49, 37)  # a mask of 1813 bits, which fill no whole number of bytes


def identity(laterality: str = 'LEFT', view: str = 'MLO') -> Identity:
    uids = (generate_uid() for _ in range(3))
    return Identity('H-007', laterality, view, *uids)


def digital(shape=SHAPE, inverted=False, laterality='LEFT', **tags) -> Any:
    """A digital mammogram, JPEG-lossless, of the marked patient; ``tags`` replace its own."""
    pixels = np.random.default_rng(7).integers(0, 4096, shape).astype(np.uint16)
    return _tagged(digital_dataset(pixels, identity(laterality), (2000, 3000), inverted), tags)


def film(shape=SHAPE, laterality='RIGHT', **tags) -> Any:
    """A digitised film as Secondary Capture, uncompressed, whose Patient Orientation is a view."""
    pixels = np.random.default_rng(7).integers(0, 65536, shape).astype(np.uint16)
    return _tagged(film_dataset(pixels, identity(laterality, 'CC')), tags)


def jpeg2000() -> Any:
    dataset = film()
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    return dataset


def cropped() -> Any:
    """A mammogram of which somebody cut rows and columns off, keeping its name and place."""
    dataset = film()
    pixels = dataset.pixel_array[7:40, 5:32]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    return dataset


MAMMOGRAMS: dict[str, Callable[[], Any]] = {
    'digital': digital,
    'MONOCHROME1': lambda: digital(inverted=True),
    'Secondary Capture': film,
    'cropped': cropped,
    'left, anterior first': lambda: digital(PatientOrientation=['A', 'F']),
    'left, posterior first': lambda: digital(PatientOrientation=['P', 'F']),
    'right, posterior first': lambda: digital(laterality='RIGHT', PatientOrientation=['P', 'F']),
    'right, anterior first': lambda: digital(laterality='RIGHT', PatientOrientation=['A', 'FR']),
    'frame of reference': lambda: digital(
        FrameOfReferenceUID=generate_uid(), PixelSpacing=[0.07, 0.07], PatientOrientation=['P', 'F']
    ),
    'spacing': lambda: digital(PixelSpacing=['0.0699999999999', '0.07']),
    'JPEG 2000': jpeg2000,
    'lossy': lambda: film(
        LossyImageCompression='01',
        LossyImageCompressionRatio='10',
        LossyImageCompressionMethod='ISO_10918_1',
    ),
    'no side, no patient': lambda: film(
        Laterality='', PatientOrientation='', PatientName='', PatientID='', StudyDate=''
    ),
    'large': lambda: film((3518, 2800)),
}


def save(folder: Path, dataset: Any, name: str = 'image.dcm') -> Path:
    path = folder / name
    write_dicom(path, dataset)
    return path


def lesion(shape=SHAPE) -> np.ndarray:
    """A mask that no flip, turn, shift or transposition leaves as it is; H×W bool."""
    mask = np.zeros(shape, bool)
    mask[2 : shape[0] // 2, 3 : shape[1] // 3] = True
    mask[shape[0] // 2, shape[1] // 2 :] = True
    mask[-1, -1] = mask[0, 1] = True
    return mask


def faults_of(path: Path) -> list[str]:
    """What the validator of dicom3tools takes for errors; it has to be installed."""
    command = [shutil.which('dciodvfy') or 'dciodvfy', '-new', str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert 'Segmentation' in lines, lines  # it knew the kind of object
    return [line for line in lines if line.startswith('Error')]


def _tagged(dataset: Any, tags: dict[str, Any]) -> Any:
    dataset.PatientName = PATIENT
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset
