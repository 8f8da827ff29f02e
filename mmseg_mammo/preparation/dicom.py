"""DICOM file -> grey levels and the few tags this package needs. The only user of pydicom.

Names of patients and institutions are never read.
"""

import struct
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
    return _info(_read(path, stop_before_pixels=True), path)


def read_dicom(path: Path, voi: bool = True) -> tuple[np.ndarray, DicomInfo]:
    """Read one 2-D mammogram as grey levels in which dense tissue is bright.

    The modality rescale is applied, then the first VOI LUT or window (DICOM PS3.3 C.11.2),
    and ``MONOCHROME1`` is inverted. Stored values without rescale and window are kept to
    the bit.

    Args:
        path: The DICOM file; JPEG-lossless and JPEG 2000 need the ``dicom`` extra.
        voi: Whether to apply the VOI transformation; its output then fills 16 bits.

    Returns:
        Pixels, H×W, uint8 (8-bit files without window) or uint16; and the header facts.

    Raises:
        DataFileError: The file is missing, truncated, not DICOM, colour, multi-frame, or
            compressed in a way that no installed decoder handles.
    """
    dataset = _read(path, stop_before_pixels=False)
    info = _info(dataset, path)
    frames = int(dataset.get('NumberOfFrames') or 1)
    if frames > 1 or int(dataset.get('SamplesPerPixel', 1)) > 1:
        raise DataFileError(
            f'{path}: {frames} frames of {info.photometric}',
            'one greyscale frame (a 2-D mammogram)',
            'Leave tomosynthesis and screen captures out of the table',
        )
    pixels = _decode(dataset, path)
    padding = _padding(dataset, pixels)
    windowed = voi and ('VOILUTSequence' in dataset or 'WindowWidth' in dataset)
    levels = _display_levels(dataset, pixels, windowed)
    if info.photometric == 'MONOCHROME1':
        levels = levels.max() - levels if not windowed else np.iinfo(np.uint16).max - levels
    if padding is not None and padding.any() and not padding.all():
        levels[padding] = levels[~padding].min()
    return levels, info


def _read(path: Path, stop_before_pixels: bool) -> Any:
    import pydicom  # here, so that PNG users need no DICOM library
    from pydicom.errors import InvalidDicomError

    try:
        return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
    except (InvalidDicomError, OSError, EOFError, ValueError, struct.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else 'not DICOM'
        raise DataFileError(
            f'{path}: {reason}', remedy='Check the path, or copy the file again from its source'
        ) from error


def _info(dataset: Any, path: Path) -> DicomInfo:
    if 'Rows' not in dataset or 'Columns' not in dataset:
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
        raise DataFileError(
            f'{path}: cannot decode its pixels ({name}): {str(error).splitlines()[0]}',
            remedy='If the file is compressed: pip install "mmseg_mammo[dicom]". '
            'If it is truncated: copy it again from its source',
        ) from error


def _padding(dataset: Any, pixels: np.ndarray) -> np.ndarray | None:
    """Pixels outside the detector field, H×W bool (PixelPaddingValue and its range limit)."""
    value = dataset.get('PixelPaddingValue')
    if value is None:
        return None
    limit = dataset.get('PixelPaddingRangeLimit', value)
    return (pixels >= min(value, limit)) & (pixels <= max(value, limit))


def _display_levels(dataset: Any, pixels: np.ndarray, windowed: bool) -> np.ndarray:
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    rescaled = apply_modality_lut(pixels, dataset)
    if windowed:
        shown = apply_voi_lut(rescaled, dataset).astype(np.float64)
        return _to_full_range(shown)
    if rescaled.dtype in (np.uint8, np.uint16):
        return rescaled.copy()
    rounded = np.rint(rescaled)
    low, high = float(rounded.min()), float(rounded.max())
    if low >= 0 and high <= np.iinfo(np.uint16).max and np.array_equal(rounded, rescaled):
        return rounded.astype(np.uint16)
    return _to_full_range(rescaled.astype(np.float64))


def _to_full_range(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    scale = np.iinfo(np.uint16).max / max(high - low, 1e-12)
    return np.rint((values - low) * scale).astype(np.uint16)
