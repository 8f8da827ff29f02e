"""DICOM files of phantoms: written with the attributes of real ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError

_DIGITAL_MAMMOGRAPHY = '1.2.840.10008.5.1.4.1.1.1.2'
_SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7'


@dataclass(frozen=True)
class Identity:
    """The tags that say what an instance shows and where it belongs."""

    patient_id: str
    laterality: str
    view: str
    study_uid: str
    series_uid: str
    sop_uid: str
    description: str = ''
    date: str = '20160720'
    number: int = 1


def film_dataset(pixels: np.ndarray, identity: Identity) -> Any:
    """A digitised film, or a mask, as CBIS-DDSM stores it.

    Args:
        pixels: H×W, uint8 or uint16, stored uncompressed as MONOCHROME2 without a window.
        identity: Its tags; PatientOrientation holds the view.

    Returns:
        A ``pydicom.Dataset``: Secondary Capture, Implicit VR Little Endian.
    """
    from pydicom.uid import ImplicitVRLittleEndian

    dataset = _dataset(pixels, identity, _SECONDARY_CAPTURE, ImplicitVRLittleEndian)
    dataset.ConversionType = 'WSD'
    dataset.PatientOrientation = identity.view
    dataset.Laterality = identity.laterality[0]
    dataset.SecondaryCaptureDeviceManufacturer = 'mmseg_mammo'
    dataset.SecondaryCaptureDeviceManufacturerModelName = 'phantom'
    dataset.SmallestImagePixelValue = int(pixels.min())
    dataset.LargestImagePixelValue = int(pixels.max())
    dataset['SmallestImagePixelValue'].VR = dataset['LargestImagePixelValue'].VR = 'US'
    dataset.PixelData = pixels.tobytes()
    dataset['PixelData'].VR = 'OW'
    return dataset


def digital_dataset(
    pixels: np.ndarray,
    identity: Identity,
    window: tuple[int, int],
    inverted: bool,
    spacing_mm: float = 0.07,
) -> Any:
    """A digital mammogram, JPEG-lossless (process 14, selection value 1).

    Args:
        pixels: H×W uint16 with 12 significant bits, dense tissue bright.
        identity: Its tags.
        window: VOI centre and width, in the units of ``pixels``.
        inverted: Store it as MONOCHROME1, dense tissue dark.
        spacing_mm: Imager Pixel Spacing, the same in both directions.

    Returns:
        A ``pydicom.Dataset``: Digital Mammography X-Ray Image, For Presentation.

    Raises:
        MammoError: The encoder is not installed.
    """
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLosslessSV1

    dataset = _dataset(pixels, identity, _DIGITAL_MAMMOGRAPHY, JPEGLosslessSV1)
    stored = (4095 - pixels).astype(np.uint16) if inverted else pixels
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PhotometricInterpretation = 'MONOCHROME1' if inverted else 'MONOCHROME2'
    dataset.PresentationLUTShape = 'INVERSE' if inverted else 'IDENTITY'
    dataset.PresentationIntentType = 'FOR PRESENTATION'
    dataset.ImageType = ['DERIVED', 'PRIMARY']
    dataset.ImageLaterality = identity.laterality[0]
    dataset.ViewPosition = identity.view
    dataset.ImagerPixelSpacing = [spacing_mm, spacing_mm]
    dataset.Manufacturer = 'mmseg_mammo'
    dataset.ManufacturerModelName = 'phantom'
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, 'US'
    centre, width = window
    dataset.WindowCenter = 4095 - centre if inverted else centre
    dataset.WindowWidth = width
    dataset.PixelData = encapsulate([_encode_lossless(stored)])
    dataset['PixelData'].VR = 'OB'
    dataset['PixelData'].is_undefined_length = True
    return dataset


def write_dicom(path: Path, dataset: Any) -> None:
    """Write ``dataset`` as a DICOM file with preamble and file meta information."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _dataset(pixels: np.ndarray, identity: Identity, sop_class: str, syntax: str) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.SpecificCharacterSet = 'ISO_IR 100'
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = identity.sop_uid
    dataset.StudyDate = dataset.ContentDate = identity.date
    dataset.StudyTime = dataset.ContentTime = '120000'
    dataset.AccessionNumber = ''
    dataset.Modality = 'MG'
    dataset.ReferringPhysicianName = ''
    if identity.description:
        dataset.SeriesDescription = identity.description
    dataset.PatientName = dataset.PatientID = identity.patient_id
    dataset.PatientBirthDate = dataset.PatientSex = ''
    dataset.BodyPartExamined = 'BREAST'
    dataset.StudyInstanceUID = identity.study_uid
    dataset.SeriesInstanceUID = identity.series_uid
    dataset.StudyID = 'DDSM' if sop_class == _SECONDARY_CAPTURE else ''
    dataset.SeriesNumber, dataset.InstanceNumber = 1, identity.number
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = 'MONOCHROME2'
    dataset.Rows, dataset.Columns = pixels.shape
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = 0
    return dataset


def _encode_lossless(pixels: np.ndarray) -> bytes:
    try:
        from imagecodecs import jpeg_encode
    except ImportError as error:
        raise MammoError(
            'JPEG-lossless phantoms need the package imagecodecs, which is not installed',
            remedy="pip install '.[dicom]' in the repository",
        ) from error
    return bytes(jpeg_encode(pixels, lossless=True, predictor=1, bitspersample=12))
