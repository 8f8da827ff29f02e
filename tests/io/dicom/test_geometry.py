import numpy as np
import pytest
from pydicom.dataset import Dataset

from mmseg_mammo.io.dicom.geometry import geometry_of
from mmseg_mammo.io.dicom.reader import read_dicom, read_info

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)


def test_a_header_without_spacings_tells_none(save_dicom):
    info = read_info(save_dicom(PIXELS))
    assert (info.pixel_spacing, info.imager_pixel_spacing, info.magnification) == (None,) * 3
    assert info.notes == ()


def test_row_then_column_and_the_identifier(save_dicom):
    info = read_info(
        save_dicom(
            PIXELS,
            SOPInstanceUID='1.2.3',
            PixelSpacing=[0.05, 0.06],
            ImagerPixelSpacing=['0.07', '0.08'],
            EstimatedRadiographicMagnificationFactor='1.4',
        )
    )
    assert info.sop_uid == '1.2.3'
    assert (info.pixel_spacing, info.imager_pixel_spacing) == ((0.05, 0.06), (0.07, 0.08))
    assert info.magnification == 1.4


def test_spacings_in_functional_groups_are_found(save_dicom):
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [0.05, 0.06]
    group.PixelMeasuresSequence = [measures]
    info = read_info(save_dicom(PIXELS, SharedFunctionalGroupsSequence=[group]))
    assert info.pixel_spacing == (0.05, 0.06)


@pytest.mark.parametrize(
    ('value', 'note'),
    [
        ([0, 0], 'PixelSpacing is 0 0; taken as unknown'),
        ([-0.07, 0.07], 'PixelSpacing is -0.07 0.07'),
        (['0.07'], 'PixelSpacing is not two numbers'),
        ([0.07, 0.07, 0.07], 'PixelSpacing is not two numbers'),
        ([100, 100], 'PixelSpacing 100 100 makes the image 600 × 800 mm'),
        ([1e-5, 1e-5], 'PixelSpacing 1e-05 1e-05 makes the image'),
    ],
)
def test_nonsense_is_unknown_and_noted_and_the_image_is_read_as_ever(save_dicom, value, note):
    levels, info = read_dicom(save_dicom(PIXELS, PixelSpacing=value))
    np.testing.assert_array_equal(levels, PIXELS)
    assert info.pixel_spacing is None
    assert info.notes[0].startswith(note)


@pytest.mark.parametrize('value', ['', None])
def test_an_empty_tag_is_a_missing_one(save_dicom, value):
    info = read_info(save_dicom(PIXELS, PixelSpacing=value))
    assert (info.pixel_spacing, info.notes) == (None, ())


def test_letters_do_not_keep_an_image_from_being_read(save_dicom):
    path = save_dicom(PIXELS, PixelSpacing=[0.07, 0.07])
    data = path.read_bytes()
    assert data.count(b'0.07\\0.07 ') == 1
    path.write_bytes(data.replace(b'0.07\\0.07 ', b'0,07\\0,07 '))
    levels, info = read_dicom(path)
    np.testing.assert_array_equal(levels, PIXELS)
    assert info.pixel_spacing is None
    assert info.notes == ('PixelSpacing is not two numbers; taken as unknown',)


@pytest.mark.parametrize('value', ['0', '0.5', '110'])
def test_a_magnification_that_is_none_is_unknown(save_dicom, value):
    info = read_info(save_dicom(PIXELS, EstimatedRadiographicMagnificationFactor=value))
    assert info.magnification is None
    assert 'not a number from 1 to 10' in info.notes[0]


@pytest.mark.parametrize(('kind', 'expected'), [('DF', (0.05, 0.05)), ('SD', None), ('', None)])
def test_the_spacing_of_a_digitised_film_is_that_of_its_detector(kind, expected):
    dataset = Dataset()
    dataset.Rows, dataset.Columns = 4000, 3000
    dataset.ConversionType = kind
    dataset.NominalScannedPixelSpacing = [0.05, 0.05]
    assert geometry_of(dataset).imager_pixel_spacing == expected
    dataset.ImagerPixelSpacing = [0.07, 0.07]
    assert geometry_of(dataset).imager_pixel_spacing == (0.07, 0.07)
