"""Writers of tiny DICOM files, for the tests of what reads them."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


@pytest.fixture
def save_dicom(tmp_path):
    """A function that writes an H×W array with the given tags and returns the path."""

    def save(pixels, name='image.dcm', frames=b'', syntax=ExplicitVRLittleEndian, **tags) -> Path:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.SOPClassUID = '1.2.840.10008.5.1.4.1.1.1.2'
        dataset.SOPInstanceUID = generate_uid()
        dataset.Rows, dataset.Columns = pixels.shape[:2]
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = 'MONOCHROME2'
        dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
        dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelData = encapsulate([frames]) if frames else pixels.tobytes()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return save
