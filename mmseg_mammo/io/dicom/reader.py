"""DICOM reader: grey levels and the few attributes that this package needs, from one file.

Names of patients and institutions are never read.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.geometry import geometry_of
from mmseg_mammo.io.dicom.header import photometric_of, side_of, view_of
from mmseg_mammo.io.dicom.kind import (
    check_mammogram,
    check_one_frame,
    other_object,
)
from mmseg_mammo.io.dicom.levels import display_levels
from mmseg_mammo.io.dicom.pixels import can_decode, guess_syntax, is_compressed, stored_values
from mmseg_mammo.io.spacing import Spacing

DICOM_SUFFIXES = ('.dcm', '.dicom', '.dic')


@dataclass(frozen=True)
class DicomInfo:
    """Header facts of one instance; empty strings where the file says nothing.

    Spacings are (row, column) in mm, None where unknown: ``pixel_spacing`` in the patient,
    ``imager_pixel_spacing`` on the detector; ``magnification`` is that of the breast between them
    (:func:`.spacing_at_breast`). ``notes`` tell what was odd about the file and how it was
    understood.
    """

    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    series_description: str
    laterality: str
    view: str
    rows: int
    columns: int
    bits_allocated: int
    photometric: str
    notes: tuple[str, ...] = ()
    pixel_spacing: Spacing | None = None
    imager_pixel_spacing: Spacing | None = None
    magnification: float | None = None


@dataclass(frozen=True)
class DicomIdentity:
    """The identifiers of one DICOM instance; empty strings where the file says nothing."""

    sop_uid: str
    series_uid: str
    patient_id: str


def is_dicom(path: Path) -> bool:
    """Whether ``path`` is DICOM: by suffix, its ``DICM`` preamble, or a first tag without one."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open('rb') as stream:
            head = stream.read(132)
    except OSError:
        return False
    # Without preamble a file starts with a tag of group 0002 or 0008, little endian.
    return head[128:] == b'DICM' or (head[:2] in (b'\2\0', b'\10\0') and head[3:4] == b'\0')


def read_info(path: Path) -> DicomInfo:
    """Read the header of one DICOM file, without its pixels.

    Raises:
        DataFileError: The file is missing, not DICOM, or lacks image tags.
    """
    return read_dataset(path, stop_before_pixels=True)[1]


def read_dicom(path: Path, voi: bool = True) -> tuple[np.ndarray, DicomInfo]:
    """Read one 2-D mammogram as grey levels in which dense tissue is bright.

    The modality rescale is applied, then the first VOI LUT or window (DICOM PS3.3 C.11.2),
    and last ``MONOCHROME1`` is inverted: windows are defined on values before inversion.
    Whole numbers without a window keep every step between them. Padding gets the lowest level.

    Without a window, ``MONOCHROME1`` is inverted about the highest level of the image. The
    nominal maximum would leave a pedestal below all levels where ``BitsStored`` is overstated;
    the two differ by a constant only, and air, which saturates the detector, becomes 0.

    Args:
        path: The DICOM file; JPEG-lossless and JPEG 2000 need the ``dicom`` extra.
        voi: Whether to apply the VOI transformation. 0 and 65535 are then the ends of its
            output, whether or not the image reaches them.

    Returns:
        Pixels, H×W, uint8 (8-bit files without window) or uint16; and the header facts.

    Raises:
        DataFileError: The file is missing, truncated, not DICOM, colour, multi-frame, a segmentation,
            raw detector data, contradicts itself, or is compressed in a way that no installed
            decoder handles.
    """
    dataset, info = read_dataset(path, stop_before_pixels=False)
    check_mammogram(dataset, info.photometric, path)
    pixels = _decode_pixels(dataset, path)
    # Broken LUTs and windows raise many types; none of them may end a run without the path.
    try:
        levels = display_levels(dataset, pixels, info.photometric, voi)
    except Exception as error:
        raise DataFileError(
            f'{path}: cannot apply its rescale or VOI tags ({error})',
            remedy='If only the window is broken: --no-voi of mammoseg prepare ignores it',
        ) from error
    return levels, info


def read_dicom_labels(path: Path) -> np.ndarray:
    """Read a mask as it is stored: H×W, unsigned whole numbers; 0 is background.

    A mask is no picture, whatever header it was given: nothing is inverted, windowed, rescaled
    or padded, and all bits count.

    Raises:
        DataFileError: As :func:`read_dicom`, but for what a header says of grey levels.
    """
    dataset, info = read_dataset(path, stop_before_pixels=False)
    check_one_frame(dataset, info.photometric, path)
    return _decode_pixels(dataset, path, labels=True)


def read_identity(path: Path) -> DicomIdentity:
    """Read three tags of a DICOM file and nothing else, in half a millisecond.

    Raises:
        DataFileError: It cannot be read, or has none of the three.
    """
    import pydicom

    names = ['SOPInstanceUID', 'SeriesInstanceUID', 'PatientID']
    try:  # as in read_dataset; a file without preamble has its tags all the same
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=names)
        values = [str(dataset.get(name) or '').strip() for name in names]
    except Exception as error:
        system = error.strerror if isinstance(error, OSError) else ''
        raise DataFileError(f'{path}: {system or "not DICOM, or its header is damaged"}') from error
    if not any(values):
        raise DataFileError(f'{path}: not DICOM, or its header is damaged')
    return DicomIdentity(*values)


def read_dataset(path: Path, stop_before_pixels: bool) -> tuple[Any, DicomInfo]:
    """Read the header of one image as a whole, with its pixels or without.

    Returns:
        The ``pydicom.Dataset``, which names the patient, and what this package needs of it.

    Raises:
        DataFileError: As :func:`read_info`.
    """
    import pydicom  # here, so that PNG users need no DICOM library
    from pydicom.errors import InvalidDicomError

    # pydicom parses values when they are asked for, and a damaged header raises many types.
    notes = []
    try:
        try:
            dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
        except InvalidDicomError:
            dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels, force=True)
            if not (dataset.get('Rows') and dataset.get('Columns')):
                raise
            notes.append('no DICOM preamble')
        if not dataset.file_meta.get('TransferSyntaxUID'):
            notes.append(guess_syntax(dataset))
        info = _info(dataset, path)
        return dataset, replace(info, notes=(*notes, *info.notes))
    except DataFileError:
        raise
    except Exception as error:
        system = error.strerror if isinstance(error, OSError) else ''
        raise DataFileError(
            f'{path}: {system or "not DICOM, or its header is damaged"}',
            remedy='Check the path, or copy the file again from its source',
        ) from error


def _info(dataset: Any, path: Path) -> DicomInfo:
    if not (dataset.get('Rows') and dataset.get('Columns')):
        if kind := other_object(dataset):
            raise DataFileError(
                f'{path}: {kind}, not an image', 'mammography images', 'Leave it out'
            )
        raise DataFileError(
            f'{path}: no image in this DICOM file (truncated, or a report)',
            'mammography images',
            'Copy the file again from its source, or leave it out',
        )
    photometric, odd = photometric_of(dataset)
    geometry = geometry_of(dataset)
    return DicomInfo(
        patient_id=str(dataset.get('PatientID') or ''),
        study_uid=str(dataset.get('StudyInstanceUID') or ''),
        series_uid=str(dataset.get('SeriesInstanceUID') or ''),
        sop_uid=str(dataset.get('SOPInstanceUID') or ''),
        series_description=str(dataset.get('SeriesDescription') or ''),
        laterality=side_of(dataset),
        view=view_of(dataset),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits_allocated=int(dataset.get('BitsAllocated') or 0),
        photometric=photometric,
        notes=(*filter(None, (odd,)), *geometry.notes),
        pixel_spacing=geometry.pixel_spacing,
        imager_pixel_spacing=geometry.imager_pixel_spacing,
        magnification=geometry.magnification,
    )


def _decode_pixels(dataset: Any, path: Path, labels: bool = False) -> np.ndarray:
    syntax = dataset.file_meta.TransferSyntaxUID
    if not can_decode(syntax):
        raise DataFileError(
            f'{path}: Transfer Syntax {syntax.name} is not supported',
            'uncompressed, RLE, JPEG, JPEG-lossless, JPEG-LS and JPEG 2000',
            'Export it again in one of these',
        )
    try:
        return stored_values(dataset, labels)
    # pydicom and its decoders raise many types; every one means "no pixels from this file".
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip('.:')
        compressed = "If decoders are missing: pip install '.[dicom]' in the repository. "
        raise DataFileError(
            f'{path}: cannot decode its pixels ({syntax.name}): {reason}',
            remedy=f'{compressed if is_compressed(dataset) else ""}'
            'If it is truncated: copy it again from its source',
        ) from error
