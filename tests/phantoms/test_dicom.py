"""DICOM files of phantoms, read back by pydicom."""

import sys

import numpy as np
import pydicom
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.phantoms.dicom import Identity, digital_dataset, film_dataset, write_dicom

DEEP = np.random.default_rng(0).integers(0, 65536, (33, 47)).astype(np.uint16)
TWELVE = (DEEP >> 4).astype(np.uint16)
IDENTITY = Identity('P', 'LEFT', 'CC', '2.25.1', '2.25.2', '2.25.3')


def read(folder, dataset):
    write_dicom(folder / 'new' / 'a.dcm', dataset)
    return pydicom.dcmread(folder / 'new' / 'a.dcm')  # with preamble and meta information


def test_compression_keeps_every_bit():
    for inverted in (False, True):
        dataset = digital_dataset(TWELVE, IDENTITY, (2048, 4096), inverted)
        decoded = dataset.pixel_array
        np.testing.assert_array_equal(4095 - decoded if inverted else decoded, TWELVE)


@pytest.mark.parametrize('pixels', [DEEP, (DEEP >> 8).astype(np.uint8)])
def test_a_film_is_an_uncompressed_secondary_capture_without_window(pixels, tmp_path):
    identity = Identity('P', 'RIGHT', 'MLO', '2.25.1', '2.25.2', '2.25.3', 'mask', '20200131', 2)
    found = read(tmp_path, film_dataset(pixels, identity))
    np.testing.assert_array_equal(found.pixel_array, pixels)
    assert found.pixel_array.dtype == pixels.dtype
    bits = 8 * pixels.itemsize
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (bits, bits, bits - 1)
    assert found.file_meta.TransferSyntaxUID == pydicom.uid.ImplicitVRLittleEndian
    assert found.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    assert found.file_meta.MediaStorageSOPClassUID == found.SOPClassUID
    uids = (found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)
    assert uids == ('2.25.1', '2.25.2', '2.25.3')
    assert (found.PatientID, str(found.PatientName)) == ('P', 'P')
    assert (found.Laterality, found.PatientOrientation) == ('R', 'MLO')
    assert (found.SeriesDescription, found.StudyDate, found.InstanceNumber) == (
        'mask',
        '20200131',
        2,
    )
    assert (found.SmallestImagePixelValue, found.LargestImagePixelValue) == (
        pixels.min(),
        pixels.max(),
    )
    assert found.PhotometricInterpretation == 'MONOCHROME2'
    assert 'WindowCenter' not in found
    assert 'ImageLaterality' not in found


def test_without_a_description_the_tag_is_missing():
    assert 'SeriesDescription' not in film_dataset(DEEP, IDENTITY)


@pytest.mark.parametrize('inverted', [False, True])
def test_a_digital_mammogram_is_presented_alike_however_it_is_stored(inverted, tmp_path):
    """pydicom applies the window; MONOCHROME1 shows its highest value black."""
    found = read(tmp_path, digital_dataset(TWELVE, IDENTITY, (1500, 1000), inverted))
    assert found.file_meta.TransferSyntaxUID == pydicom.uid.JPEGLosslessSV1
    assert found.SOPClassUID == pydicom.uid.DigitalMammographyXRayImageStorageForPresentation
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (16, 12, 11)
    assert found.PhotometricInterpretation == ('MONOCHROME1' if inverted else 'MONOCHROME2')
    assert found.PresentationLUTShape == ('INVERSE' if inverted else 'IDENTITY')
    assert (found.ImageLaterality, found.ViewPosition) == ('L', 'CC')
    assert found.ImagerPixelSpacing == [0.07, 0.07]
    assert (found.RescaleIntercept, found.RescaleSlope) == (0, 1)
    centre = 4095 - 1500 if inverted else 1500
    assert (found.WindowCenter, found.WindowWidth) == (centre, 1000)
    shown = pydicom.pixels.apply_voi_lut(found.pixel_array, found).astype(float)
    shown = shown.max() - shown if inverted else shown - shown.min()
    expected = np.clip((TWELVE.astype(float) - 1000) / 1000, 0, 1)
    np.testing.assert_allclose(shown / shown.max(), expected, atol=0.002)


def test_the_package_that_compresses_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'imagecodecs', None)
    with pytest.raises(MammoError, match=r"imagecodecs.*not installed.*pip install '\.\[dicom\]'"):
        digital_dataset(TWELVE, IDENTITY, (2048, 4096), False)
    film_dataset(DEEP, IDENTITY)  # needs none
