import contextlib
import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, JPEGLosslessSV1, RLELossless
from raster_samples import lossless_jpeg

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.pixels import can_decode, stored_range, stored_values
from mmseg_mammo.io.dicom.reader import is_dicom, read_dicom, read_dicom_labels

TWELVE_BITS = np.random.default_rng(0).integers(0, 4096, (24, 16)).astype(np.uint16)


def rewritten(path, syntax=None, **tags):
    """The file with some tags changed after the fixture has made them agree; None deletes."""
    dataset = pydicom.dcmread(path)
    for name, value in tags.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path)
    return path


def test_pixels_with_more_bits_than_the_header_says_are_refused(save_dicom):
    path = save_dicom(TWELVE_BITS, BitsStored=8)
    with pytest.raises(
        DataFileError, match=r'image\.dcm: .*pixels use 12 bits, Bits Stored says 8'
    ):
        read_dicom(path)
    shifted = save_dicom(TWELVE_BITS << 4, BitsStored=12)
    with pytest.raises(DataFileError, match='pixels use 16 bits, Bits Stored says 12'):
        read_dicom(rewritten(shifted, HighBit=15))


def test_pixels_of_another_sign_than_the_header_says_are_refused(save_dicom):
    path = rewritten(save_dicom(TWELVE_BITS, BitsStored=12), PixelRepresentation=1)
    with pytest.raises(DataFileError, match='says 12, one of them for the sign'):
        read_dicom(path)


def test_empty_pixel_data_is_named(save_dicom):
    path = rewritten(save_dicom(TWELVE_BITS), PixelData=b'')
    with pytest.raises(DataFileError, match='Pixel Data is empty'):
        read_dicom(path)


def test_decoded_pixels_with_more_bits_than_the_header_says_are_refused(save_dicom):
    path = save_dicom(TWELVE_BITS)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    for stored, message in ((8, 'pixels use 12 bits, Bits Stored says 8'), (0, 'Bits Stored is 0')):
        dataset.BitsStored = stored
        dataset.save_as(path)
        with pytest.raises(DataFileError, match=message):
            read_dicom(path)


def test_padding_above_the_stored_bits_may_be_compressed_too(save_dicom):
    padded = TWELVE_BITS.copy()
    padded[:3] = 65535
    path = save_dicom(padded, PixelPaddingValue=65535)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.BitsStored = 12
    dataset.save_as(path)
    expected = read_dicom(save_dicom(padded, BitsStored=12, PixelPaddingValue=65535))[0]
    np.testing.assert_array_equal(read_dicom(path)[0], expected)


@pytest.mark.parametrize('precision', [12, 14])
def test_damage_in_lossless_jpeg_is_found(save_dicom, precision):
    smooth = np.add.outer(np.arange(64), np.arange(48)) * 20
    smooth += np.random.default_rng(1).integers(0, 60, smooth.shape)
    dataset = pydicom.dcmread(save_dicom(smooth.astype(np.uint16), BitsStored=precision))
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    data = lossless_jpeg(smooth, precision)

    def read(data):
        dataset.PixelData = encapsulate([data])
        dataset['PixelData'].is_undefined_length = True
        stream = io.BytesIO()
        dataset.save_as(stream)
        stream.seek(0)
        return stored_values(pydicom.dcmread(stream))

    np.testing.assert_array_equal(read(data), smooth)
    found = 0
    for place in range(200, len(data) - 200, 200):
        with contextlib.suppress(ValueError, RuntimeError):
            hole = bytes((value * 7 + 13) % 254 for value in data[place : place + 60])
            read(data[:place] + hole + data[place + 60 :])
            continue
        found += 1
    assert found > 0.5 * len(range(200, len(data) - 200, 200))  # of larger pictures more


def test_lossless_jpeg_is_decoded_once(save_dicom, monkeypatch):
    path = save_dicom(TWELVE_BITS, BitsStored=12)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.PixelData = encapsulate([lossless_jpeg(TWELVE_BITS.astype(int), 12)])
    dataset['PixelData'].is_undefined_length = True
    dataset.save_as(path)
    decode, calls = pydicom.Dataset.pixel_array.fget, []
    counted = property(lambda self: calls.append(1) or decode(self))
    monkeypatch.setattr(pydicom.Dataset, 'pixel_array', counted)
    np.testing.assert_array_equal(stored_values(pydicom.dcmread(path)), TWELVE_BITS)
    assert len(calls) == 1


def test_a_wrong_high_bit_alone_changes_nothing(save_dicom):
    path = rewritten(save_dicom(TWELVE_BITS, BitsStored=12), HighBit=15)
    np.testing.assert_array_equal(read_dicom(path)[0], TWELVE_BITS)


def test_padding_may_use_the_bits_above(save_dicom):
    padded = TWELVE_BITS.copy()
    padded[:3] = 65535
    read = read_dicom(save_dicom(padded, BitsStored=12, PixelPaddingValue=65535))[0]
    np.testing.assert_array_equal(read[3:], TWELVE_BITS[3:])
    assert (read[:3] == TWELVE_BITS[3:].min()).all()


@pytest.mark.parametrize(
    'name', ['BitsStored', 'HighBit', 'PixelRepresentation', 'SamplesPerPixel']
)
def test_a_required_attribute_that_has_one_meaning_may_be_missing(save_dicom, name):
    path = rewritten(save_dicom(TWELVE_BITS), **{name: None})
    np.testing.assert_array_equal(read_dicom(path)[0], TWELVE_BITS)


@pytest.mark.parametrize('implicit', [False, True])
def test_without_preamble_and_meta_information_a_file_is_read_and_noted(save_dicom, implicit):
    path = save_dicom(TWELVE_BITS, 'no_suffix', WindowCenter=900, WindowWidth=500)
    expected = read_dicom(path)[0]
    dataset = pydicom.dcmread(path)
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    assert is_dicom(path)
    levels, info = read_dicom(path)
    np.testing.assert_array_equal(levels, expected)
    kind = 'Implicit' if implicit else 'Explicit'
    assert info.notes[0] == 'no DICOM preamble'
    assert info.notes[1].startswith(f'no Transfer Syntax; read as {kind} VR Little Endian')
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 29):
        path.write_bytes(whole[:size])
        with pytest.raises(DataFileError, match='no_suffix'):
            read_dicom(path)


def test_compressed_pixels_without_a_transfer_syntax_are_refused(save_dicom):
    path = save_dicom(TWELVE_BITS, frames=b'anything', syntax=JPEGBaseline8Bit)
    data = path.read_bytes()
    uid = JPEGBaseline8Bit.encode()
    start = data.index(b'\2\0\x10\0UI')
    length = 8 + int.from_bytes(data[start + 6 : start + 8], 'little')
    assert uid in data[start : start + length]
    group = int.from_bytes(data[140:144], 'little') - length
    path.write_bytes(
        data[:140] + group.to_bytes(4, 'little') + data[144:start] + data[start + length :]
    )
    with pytest.raises(DataFileError, match='compressed, though no Transfer Syntax says how'):
        read_dicom(path)


def test_a_damaged_jpeg_inside_dicom_is_refused(save_dicom):
    pixels = (TWELVE_BITS >> 4).astype(np.uint8).repeat(4, 0).repeat(4, 1)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'JPEG', quality=95)
    frame = stream.getvalue()
    path = save_dicom(pixels, frames=frame, syntax=JPEGBaseline8Bit)
    np.testing.assert_allclose(read_dicom(path)[0].astype(int), pixels, atol=16)
    middle = len(frame) * 2 // 3
    damaged = frame[:middle] + bytes(200) + frame[middle + 200 :]
    with pytest.raises(DataFileError, match='its JPEG data is damaged'):
        read_dicom(save_dicom(pixels, frames=damaged, syntax=JPEGBaseline8Bit))


@pytest.mark.parametrize(
    'tags',
    [
        {},
        {'PhotometricInterpretation': 'MONOCHROME1'},
        {'PixelPaddingValue': 0},
        {'WindowCenter': 2000, 'WindowWidth': 4000},
        {'RescaleSlope': -1, 'RescaleIntercept': 4095},
        {'PresentationIntentType': 'FOR PROCESSING'},
        {'PhotometricInterpretation': ''},
        {'BitsStored': 8},
    ],
)
@pytest.mark.parametrize('high', [1, 255, 4095, 65280, 65535])
def test_labels_are_stored_values_whatever_the_header(save_dicom, tags, high):
    mask = np.zeros((24, 16), np.uint16)
    mask[5:9, 3:7] = high
    np.testing.assert_array_equal(read_dicom_labels(save_dicom(mask, **tags)), mask)


@pytest.mark.parametrize(('name', 'known'), [('4.90', True), ('4.80', True), ('4.102', False)])
def test_syntaxes_that_no_library_decodes_are_known(name, known):
    assert can_decode(pydicom.uid.UID(f'1.2.840.10008.1.2.{name}')) is known


def test_the_range_of_stored_values():
    assert (stored_range(12, 0), stored_range(12, 1)) == ((0, 4095), (-2048, 2047))


@pytest.mark.parametrize(('value', 'understood'), [(65535, True), (61440, True), (63488, False)])
def test_padding_above_the_bits_is_an_end_of_the_stored_range(save_dicom, value, understood):
    padded = TWELVE_BITS.copy()
    padded[:3] = value
    path = save_dicom(padded, BitsStored=12, PixelPaddingValue=value)
    if understood:
        levels = read_dicom(path)[0]
        assert (levels[:3] == levels.min()).all()
        return
    with pytest.raises(DataFileError, match='pixels use 16 bits, Bits Stored says 12'):
        read_dicom(path)


def test_labels_of_a_signed_header_are_unsigned(save_dicom):
    mask = np.zeros((24, 16), np.int16)
    mask[5:9, 3:7] = -1
    np.testing.assert_array_equal(read_dicom_labels(save_dicom(mask)), mask.astype(np.uint16))


def test_raw_detector_data_is_refused(save_dicom):
    path = save_dicom(TWELVE_BITS, PresentationIntentType='FOR PROCESSING')
    with pytest.raises(DataFileError, match=r'image\.dcm: raw detector data \(FOR PROCESSING\)'):
        read_dicom(path)
