import cv2
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import MPEG2MPML, JPEG2000Lossless, JPEGLosslessSV1

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import is_dicom, read_dicom, read_info

TWELVE_BITS = np.random.default_rng(0).integers(0, 4096, (24, 16)).astype(np.uint16)


def levels(path, **options):
    return read_dicom(path, **options)[0]


def lut(entries, first, bits):
    item = Dataset()
    item.add_new('LUTDescriptor', 'US', [len(entries), first, bits])
    item.add_new('LUTData', 'US', [int(value) for value in entries])
    return [item]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_stored_values_without_rescale_and_window_are_kept_to_the_bit(save_dicom, dtype):
    pixels = np.arange(48, dtype=dtype).reshape(6, 8) * 5
    read = levels(save_dicom(pixels))
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)


def test_bits_above_bits_stored_do_not_reach_the_pixels(save_dicom):
    path = save_dicom(TWELVE_BITS | 0xA000, BitsStored=12)
    np.testing.assert_array_equal(levels(path), TWELVE_BITS)


def test_monochrome1_is_inverted_about_the_highest_level(save_dicom):
    pixels = np.array([[0, 100], [4000, 4095]], np.uint16)
    path = save_dicom(pixels, PhotometricInterpretation='MONOCHROME1', BitsStored=16)
    np.testing.assert_array_equal(levels(path), [[4095, 3995], [95, 0]])


def test_monochrome1_is_inverted_after_the_window(save_dicom):
    # Wider than the values, so that the ends of the window are not those of the image.
    window = {'WindowCenter': 2000, 'WindowWidth': 9000, 'BitsStored': 12}
    plain = levels(save_dicom(TWELVE_BITS, 'a.dcm', **window))
    path = save_dicom(TWELVE_BITS, 'b.dcm', PhotometricInterpretation='MONOCHROME1', **window)
    np.testing.assert_array_equal(levels(path), 65535 - plain)


@pytest.mark.parametrize('function', ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'])
@pytest.mark.parametrize('rescale', [None, (2.0, -50.0), (-1.0, 4095.0)])
def test_windows_equal_pydicoms_on_the_nominal_range(save_dicom, function, rescale):
    tags = {'WindowCenter': 1200, 'WindowWidth': 900, 'BitsStored': 12}
    if rescale:
        tags |= {'RescaleSlope': rescale[0], 'RescaleIntercept': rescale[1]}
    path = save_dicom(TWELVE_BITS, VOILUTFunction=function, **tags)
    dataset = pydicom.dcmread(path)
    values = apply_modality_lut(TWELVE_BITS, dataset)
    ends = sorted(apply_modality_lut(np.array([0.0, 4095.0]), dataset))
    shown = apply_voi_lut(values, dataset)
    if rescale and rescale[0] < 0:  # pydicom swaps the ends of its output range then
        shown = sum(ends) - shown
    expected = (shown - ends[0]) / (ends[1] - ends[0]) * 65535
    np.testing.assert_allclose(levels(path), expected, atol=0.51)


def test_a_window_by_hand(save_dicom):
    # LINEAR, centre 100.5 and width 101: black up to 50, white from 150, 65535 / 100 per level.
    pixels = np.array([[0, 50, 51], [100, 150, 4095]], np.uint16)
    path = save_dicom(pixels, BitsStored=12, WindowCenter=100.5, WindowWidth=101)
    np.testing.assert_array_equal(levels(path), [[0, 0, 655], [32768, 65535, 65535]])


def test_an_image_that_does_not_fill_its_window_is_not_stretched(save_dicom):
    pixels = np.array([[90, 110]], np.uint16)
    path = save_dicom(pixels, BitsStored=12, WindowCenter=100.5, WindowWidth=101)
    np.testing.assert_array_equal(levels(path), [[26214, 39321]])


def test_the_first_of_several_windows_is_used(save_dicom):
    one = save_dicom(TWELVE_BITS, 'a.dcm', BitsStored=12, WindowCenter=900, WindowWidth=500)
    two = {'WindowCenter': [900, 3000], 'WindowWidth': [500, 10], 'BitsStored': 12}
    np.testing.assert_array_equal(levels(one), levels(save_dicom(TWELVE_BITS, 'b.dcm', **two)))


@pytest.mark.parametrize('tags', [{'WindowWidth': None, 'WindowCenter': None}, {'WindowWidth': 9}])
def test_empty_or_half_windows_are_no_windows(save_dicom, tags):
    path = save_dicom(TWELVE_BITS, BitsStored=12, **tags)
    np.testing.assert_array_equal(levels(path), TWELVE_BITS)


def test_voi_false_leaves_the_window_out(save_dicom):
    path = save_dicom(TWELVE_BITS, BitsStored=12, WindowCenter=900, WindowWidth=500)
    np.testing.assert_array_equal(levels(path, voi=False), TWELVE_BITS)


def test_a_voi_lut_equals_pydicoms(save_dicom):
    entries = np.linspace(0, 1, 3000) ** 2 * 4095
    path = save_dicom(TWELVE_BITS, BitsStored=12, VOILUTSequence=lut(entries, 500, 12))
    expected = apply_voi_lut(TWELVE_BITS, pydicom.dcmread(path)) * (65535 / 4095)
    np.testing.assert_allclose(levels(path), expected, atol=0.51)


def test_an_8_bit_voi_lut_of_many_entries_is_not_looked_up_modulo_256(save_dicom):
    entries = np.arange(4096) // 16
    path = save_dicom(TWELVE_BITS, BitsStored=12, VOILUTSequence=lut(entries, 0, 8))
    np.testing.assert_array_equal(levels(path), (TWELVE_BITS // 16) * 257)


def test_a_voi_lut_goes_before_a_window(save_dicom):
    table = {'VOILUTSequence': lut(np.arange(4096), 0, 12), 'BitsStored': 12}
    alone = levels(save_dicom(TWELVE_BITS, 'a.dcm', **table))
    both = save_dicom(TWELVE_BITS, 'b.dcm', WindowCenter=100, WindowWidth=10, **table)
    np.testing.assert_array_equal(levels(both), alone)


def test_signed_values_are_shifted_and_keep_every_step(save_dicom):
    pixels = np.array([[-1000, -999], [0, 3000]], np.int16)
    np.testing.assert_array_equal(levels(save_dicom(pixels)), [[0, 1], [1000, 4000]])


def test_fractional_rescale_keeps_the_order_and_fills_16_bits(save_dicom):
    pixels = np.array([[0, 1], [2, 4]], np.uint16)
    path = save_dicom(pixels, RescaleSlope=0.25, RescaleIntercept=-3)
    np.testing.assert_array_equal(levels(path), [[0, 16384], [32768, 65535]])


@pytest.mark.parametrize('photometric', ['MONOCHROME1', 'MONOCHROME2'])
def test_padding_becomes_the_lowest_level_and_moves_no_other(save_dicom, photometric):
    tags = {'PhotometricInterpretation': photometric}
    field = np.array([[200, 900, 3000]], np.uint16)
    alone = levels(save_dicom(field, 'a.dcm', **tags))
    padded = np.array([[200, 900, 3000, 65535, 65530]], np.uint16)
    tags |= {'PixelPaddingValue': 65535, 'PixelPaddingRangeLimit': 65530}
    read = levels(save_dicom(padded, 'b.dcm', **tags))
    np.testing.assert_array_equal(read[:, :3], alone)
    np.testing.assert_array_equal(read[:, 3:], [[alone.min()] * 2])


def test_an_image_of_nothing_but_padding_is_read(save_dicom):
    pixels = np.full((3, 3), 7, np.uint16)
    np.testing.assert_array_equal(levels(save_dicom(pixels, PixelPaddingValue=7)), pixels)


def test_jpeg_lossless_is_decoded_to_the_bit(save_dicom):
    frame = imagecodecs.jpeg_encode(TWELVE_BITS, lossless=True, predictor=1, bitspersample=12)
    path = save_dicom(TWELVE_BITS, frames=frame, syntax=JPEGLosslessSV1, BitsStored=12)
    np.testing.assert_array_equal(levels(path), TWELVE_BITS)


def test_jpeg_2000_lossless_is_decoded_to_the_bit(save_dicom):
    pixels = np.tile(TWELVE_BITS, (4, 4))  # the encoder wants five resolutions
    path = save_dicom(pixels, BitsStored=12)
    dataset = pydicom.dcmread(path)
    dataset.compress(JPEG2000Lossless)
    dataset.save_as(path)
    np.testing.assert_array_equal(levels(path), pixels)


def test_the_header_facts(save_dicom):
    tags = {'PatientID': 'P1', 'ImageLaterality': 'R', 'ViewPosition': 'MLO', 'BitsStored': 12}
    info = read_info(save_dicom(TWELVE_BITS, SeriesDescription='full', **tags))
    facts = (info.patient_id, info.laterality, info.view, info.series_description)
    assert facts == ('P1', 'RIGHT', 'MLO', 'full')
    assert (info.rows, info.columns, info.bits_allocated) == (24, 16, 16)


@pytest.mark.parametrize(('orientation', 'view'), [('CC', 'CC'), ('A\\L', '')])
def test_patient_orientation_is_a_view_only_if_it_names_one(save_dicom, orientation, view):
    info = read_info(save_dicom(TWELVE_BITS, PatientOrientation=orientation, Laterality='L'))
    assert (info.view, info.laterality) == (view, 'LEFT')


def test_a_file_cut_at_any_place_names_itself(save_dicom):
    path = save_dicom(TWELVE_BITS, PatientID='P1', WindowCenter=900, WindowWidth=500)
    whole = path.read_bytes()
    for size in range(0, len(whole), 17):
        path.write_bytes(whole[:size])
        with pytest.raises(DataFileError, match=r'image\.dcm'):
            read_dicom(path)


def test_a_damaged_header_names_the_file(save_dicom):
    path = save_dicom(TWELVE_BITS, PatientID='P1')
    whole = path.read_bytes()
    place = whole.index(b'LO\x02\x00P1')  # the type of PatientID
    path.write_bytes(whole[:place] + b'L?' + whole[place + 2 :])
    with pytest.raises(DataFileError, match=r'image\.dcm.*header is damaged.*copy'):
        read_info(path)


def test_other_files_are_not_dicom(tmp_path):
    path = tmp_path / 'note.dcm'
    path.write_text('not an image ' * 40)
    with pytest.raises(DataFileError, match=r'note\.dcm: not DICOM'):
        read_info(path)
    with pytest.raises(DataFileError, match='No such file'):
        read_info(tmp_path / 'absent.dcm')


def test_dicom_is_known_by_its_preamble_too(save_dicom, tmp_path):
    assert is_dicom(save_dicom(TWELVE_BITS, name='no_suffix'))
    picture = tmp_path / 'picture'
    picture.write_bytes(cv2.imencode('.png', TWELVE_BITS)[1].tobytes())
    assert not is_dicom(picture)


def test_stacks_and_colour_are_refused(save_dicom):
    stack = np.zeros((4, 4), np.uint8)
    with pytest.raises(DataFileError, match=r'3 frame.*2-D mammogram.*tomosynthesis'):
        read_dicom(save_dicom(stack, NumberOfFrames=3))
    colour = np.zeros((4, 4, 3), np.uint8)
    tags = {'SamplesPerPixel': 3, 'PlanarConfiguration': 0, 'PhotometricInterpretation': 'RGB'}
    with pytest.raises(DataFileError, match='RGB'):
        read_dicom(save_dicom(colour, **tags))


def test_pixels_that_no_decoder_reads_name_the_extra(save_dicom):
    path = save_dicom(TWELVE_BITS, frames=b'none', syntax=JPEG2000Lossless)
    with pytest.raises(DataFileError, match=r"JPEG 2000.*pip install '\.\[dicom\]' in the repo"):
        read_dicom(path)


def test_an_uncompressed_file_needs_no_decoder_whatever_is_wrong_with_it(save_dicom):
    with pytest.raises(DataFileError, match=r'Bits Stored says 8\. If it is truncated') as caught:
        read_dicom(save_dicom(TWELVE_BITS, BitsStored=8))
    assert 'pip install' not in str(caught.value)


def test_a_window_that_cannot_be_applied_says_how_to_ignore_it(save_dicom):
    path = save_dicom(TWELVE_BITS, WindowCenter=100, WindowWidth=-5)
    with pytest.raises(DataFileError, match=r'Window Width.*--no-voi'):
        read_dicom(path)
    np.testing.assert_array_equal(levels(path, voi=False), TWELVE_BITS)


def test_a_report_and_a_film_are_called_that_and_never_truncated(save_dicom):
    path = save_dicom(TWELVE_BITS, 'film.dcm')
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PixelData = encapsulate([bytes(64)])
    dataset['PixelData'].is_undefined_length = True
    dataset.save_as(path)
    with pytest.raises(
        DataFileError, match=r'film\.dcm: Transfer Syntax MPEG2.* not supported'
    ) as film:
        read_dicom(path)
    path = save_dicom(TWELVE_BITS, 'cad.dcm')
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = '1.2.840.10008.5.1.4.1.1.88.50'
    for name in ('Rows', 'Columns', 'PixelData'):
        delattr(dataset, name)
    dataset.save_as(path)
    with pytest.raises(DataFileError, match=r'kind Mammography CAD SR, not an image') as report:
        read_info(path)
    assert not any('truncated' in str(error.value) for error in (film, report))
