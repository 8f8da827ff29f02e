"""DICOM file -> grey levels and the few tags this package needs. The only user of pydicom.

Names of patients and institutions are never read.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError

DICOM_SUFFIXES = ('.dcm', '.dicom', '.dic')


@dataclass(frozen=True)
class DicomInfo:
    """Header facts of one instance; empty strings where the file says nothing."""

    patient_id: str
    study_uid: str
    series_uid: str
    series_description: str
    laterality: str
    view: str
    rows: int
    columns: int
    bits_allocated: int
    photometric: str


def is_dicom(path: Path) -> bool:
    """Whether ``path`` is DICOM by suffix or, failing that, by its ``DICM`` preamble."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open('rb') as stream:
            return stream.read(132)[128:] == b'DICM'
    except OSError:
        return False


def read_info(path: Path) -> DicomInfo:
    """Read the header of one DICOM file, without its pixels.

    Raises:
        DataFileError: The file is missing, not DICOM, or lacks image tags.
    """
    return _read(path, stop_before_pixels=True)[1]


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
        DataFileError: The file is missing, truncated, not DICOM, colour, multi-frame, or
            compressed in a way that no installed decoder handles.
    """
    dataset, info = _read(path, stop_before_pixels=False)
    frames = dataset.get('NumberOfFrames') or 1
    if frames != 1 or info.photometric not in ('MONOCHROME1', 'MONOCHROME2'):
        raise DataFileError(
            f'{path}: {frames} frame(s) of {info.photometric or "unknown photometric type"}',
            'one greyscale frame (a 2-D mammogram)',
            'Leave tomosynthesis and screen captures out of the table',
        )
    pixels = _decode(dataset, path)
    # Broken LUTs and windows raise many types; none of them may end a run without the path.
    try:
        levels = _display_levels(dataset, pixels, voi)
    except Exception as error:
        raise DataFileError(
            f'{path}: cannot apply its rescale or VOI tags ({error})',
            remedy='If only the window is broken: --no-voi of tools/prepare_hospital.py ignores it',
        ) from error
    return levels, info


def _read(path: Path, stop_before_pixels: bool) -> tuple[Any, DicomInfo]:
    import pydicom  # here, so that PNG users need no DICOM library

    # pydicom parses values when they are asked for, and a damaged header raises many types.
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
        return dataset, _info(dataset, path)
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
        raise DataFileError(
            f'{path}: no image in this DICOM file (truncated, or a report)',
            'mammography images',
            'Copy the file again from its source, or leave it out',
        )
    laterality = str(dataset.get('ImageLaterality') or dataset.get('Laterality') or '')
    return DicomInfo(
        patient_id=str(dataset.get('PatientID') or ''),
        study_uid=str(dataset.get('StudyInstanceUID') or ''),
        series_uid=str(dataset.get('SeriesInstanceUID') or ''),
        series_description=str(dataset.get('SeriesDescription') or ''),
        laterality={'L': 'LEFT', 'R': 'RIGHT'}.get(laterality.upper(), ''),
        view=str(dataset.get('ViewPosition') or _first(dataset.get('PatientOrientation'))),
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        bits_allocated=int(dataset.get('BitsAllocated', 0)),
        photometric=str(dataset.get('PhotometricInterpretation') or ''),
    )


def _first(value: Any) -> str:
    """CBIS-DDSM keeps the view in PatientOrientation; elsewhere that tag holds directions."""
    text = str(value or '').upper()
    return text if text in ('CC', 'MLO') else ''


def _decode(dataset: Any, path: Path) -> np.ndarray:
    try:
        return np.asarray(dataset.pixel_array)
    # pydicom and its decoders raise many types; every one means "no pixels from this file".
    except Exception as error:
        syntax = getattr(getattr(dataset, 'file_meta', None), 'TransferSyntaxUID', None)
        name = getattr(syntax, 'name', 'unknown transfer syntax')
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DataFileError(
            f'{path}: cannot decode its pixels ({name}): {reason}',
            remedy="If the file is compressed: pip install '.[dicom]' in the repository. "
            'If it is truncated: copy it again from its source',
        ) from error


def _display_levels(dataset: Any, pixels: np.ndarray, voi: bool) -> np.ndarray:
    from pydicom.pixels import apply_modality_lut

    inside = _inside(dataset, pixels)
    values = apply_modality_lut(pixels, dataset)
    if voi and _has_voi(dataset):
        levels = _windowed(values, dataset)
        highest = np.uint16(np.iinfo(np.uint16).max)
    else:
        levels = _to_levels(values, inside)
        highest = levels[inside].max()
    if dataset.PhotometricInterpretation == 'MONOCHROME1':
        levels = highest - levels
    levels[~inside] = levels[inside].min()
    return levels


def _inside(dataset: Any, pixels: np.ndarray) -> np.ndarray:
    """The detector field, H×W bool: not PixelPaddingValue, up to its range limit."""
    value = dataset.get('PixelPaddingValue')
    if value is None:
        return np.ones(pixels.shape, dtype=bool)
    limit = dataset.get('PixelPaddingRangeLimit', value)
    inside = (pixels < min(value, limit)) | (pixels > max(value, limit))
    return inside if inside.any() else ~inside


def _has_voi(dataset: Any) -> bool:
    window = [dataset.get(name) for name in ('WindowCenter', 'WindowWidth')]
    return bool(dataset.get('VOILUTSequence')) or not any(end in (None, '') for end in window)


def _windowed(values: np.ndarray, dataset: Any) -> np.ndarray:
    """VOI output as uint16; 0 and 65535 are the lowest and highest value it can have."""
    from pydicom.pixels import apply_voi_lut

    if dataset.get('VOILUTSequence'):
        table = dataset.VOILUTSequence[0]
        entries, first, bits = table.LUTDescriptor
        table.LUTDescriptor = [entries, first, 16]  # pydicom would look up 8-bit LUTs modulo 256
        values = np.rint(values).astype(np.int32)
        low, high = 0, 2**bits - 1
    else:
        with np.errstate(over='ignore'):  # the exponential of SIGMOID
            low, high = apply_voi_lut(np.array([-1e30, 1e30]), dataset)
    shown = apply_voi_lut(values, dataset).astype(np.float64)
    return _stretch(shown, low, high)


def _to_levels(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Values without a window as uint8 or uint16: as they are, shifted, or else stretched."""
    if values.dtype in (np.uint8, np.uint16):
        return values.copy()
    top = np.iinfo(np.uint16).max
    low, high = float(values[inside].min()), float(values[inside].max())
    if high - low > top or not np.array_equal(np.rint(values), values):
        return _stretch(values.astype(np.float64), low, high)
    shift = 0 if low >= 0 and high <= top else low
    return np.clip(values - shift, 0, top).astype(np.uint16)


def _stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    top = np.iinfo(np.uint16).max
    scale = top / (high - low) if high != low else 0.0
    return np.rint(np.clip((values - low) * scale, 0, top)).astype(np.uint16)


@dataclass(frozen=True)
class DicomIdentity:
    """What says which instance a file is; empty strings where the file says nothing."""

    sop_uid: str
    series_uid: str
    patient_id: str


def read_identity(path: Path) -> DicomIdentity:
    """Read three tags of a DICOM file and nothing else, in half a millisecond.

    Raises:
        DataFileError: It cannot be read, or has none of the three.
    """
    import pydicom

    names = ['SOPInstanceUID', 'SeriesInstanceUID', 'PatientID']
    try:  # as in _read; a file without preamble has its tags all the same
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=names)
        values = [str(dataset.get(name) or '').strip() for name in names]
    except Exception as error:
        system = error.strerror if isinstance(error, OSError) else ''
        raise DataFileError(f'{path}: {system or "not DICOM, or its header is damaged"}') from error
    if not any(values):
        raise DataFileError(f'{path}: not DICOM, or its header is damaged')
    return DicomIdentity(*values)
