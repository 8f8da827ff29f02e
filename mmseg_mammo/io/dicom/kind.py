"""DICOM kinds: refuses objects of an archive that are no mammogram."""

from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.header import is_for_processing

_SEGMENTATIONS = '1.2.840.10008.5.1.4.1.1.66.'  # of pixels, of surfaces, label maps; registrations


def other_object(dataset: Any) -> str:
    """The name of an object that has no pixels, such as a report; '' of an image, or if unknown."""
    name = getattr(dataset.get('SOPClassUID'), 'name', '')
    known = name.endswith('Storage') and 'Image' not in name
    return f'a DICOM object of the kind {name.removesuffix(" Storage")}' if known else ''


def check_mammogram(dataset: Any, photometric: str, path: Path) -> None:
    """Refuse what is not one picture of grey levels for presentation.

    Args:
        dataset: A pydicom data set.
        photometric: Its Photometric Interpretation; '' where it is missing.
        path: What errors name.

    Raises:
        DataFileError: It is a segmentation, colour, of several frames, or raw detector data.
    """
    if str(dataset.get('SOPClassUID') or '').startswith(_SEGMENTATIONS):
        raise DataFileError(
            f'{path}: a DICOM segmentation (SEG), not an image', 'mammograms', 'Leave it out'
        )
    check_one_frame(dataset, photometric, path)
    if photometric not in ('MONOCHROME1', 'MONOCHROME2'):
        raise DataFileError(
            f'{path}: Photometric Interpretation {photometric or "is missing"}',
            'MONOCHROME1 or MONOCHROME2 (grey levels)',
            'Leave screen captures out of the table; where it is missing, add it to the file',
        )
    if is_for_processing(dataset):
        raise DataFileError(
            f'{path}: raw detector data (FOR PROCESSING)',
            'images FOR PRESENTATION',
            'Export the processed image of the same view',
        )


def check_one_frame(dataset: Any, photometric: str, path: Path) -> None:
    """Refuse several frames, and several samples of a pixel; see :func:`check_mammogram`."""
    frames = dataset.get('NumberOfFrames') or 1
    if frames != 1 or (dataset.get('SamplesPerPixel') or 1) != 1:
        raise DataFileError(
            f'{path}: {frames} frame(s) of {photometric or "unknown photometric type"}',
            'one greyscale frame (a 2-D mammogram)',
            'Leave tomosynthesis and screen captures out of the table',
        )
