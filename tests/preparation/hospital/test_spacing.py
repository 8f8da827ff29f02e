import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.hospital.spacing import fill_spacing, read_spacing


def record(pixel='', imager='', magnification=''):
    return {
        'image': 'images/a.png',
        'original_height': 4000,
        'original_width': 3000,
        'pixel_spacing': pixel,
        'imager_pixel_spacing': imager,
        'magnification': magnification,
    }


@pytest.mark.parametrize(
    ('cell', 'spacing'),
    [('0.07', '0.07 0.07'), ('0.07 0.08', '0.07 0.08'), ('', ''), ('NA', ''), ('unknown', '')],
)
def test_cells_of_a_table(cell, spacing):
    assert read_spacing(cell) == spacing


@pytest.mark.parametrize('cell', ['0', '70 µm', '-1'])
def test_a_cell_that_is_no_length_is_named(cell):
    with pytest.raises(DataIndexError, match=rf'spacing_mm {cell!r}\. Allowed: one length in mm'):
        read_spacing(cell)


def test_what_is_given_fills_what_a_file_does_not_tell():
    assert fill_spacing(record(), '0.07 0.07') == record(pixel='0.07 0.07')
    assert fill_spacing(record(), '') == record()
    assert fill_spacing(record(magnification='1.1'), '0.07 0.07')['pixel_spacing'] == '0.07 0.07'


@pytest.mark.parametrize('given', ['0.07 0.07', '0.04 0.04', '0.0698 0.0698'])
def test_a_file_that_agrees_keeps_its_own(given):
    """0.07 on the detector is 0.04 in the breast; a table may mean either."""
    told = record(imager='0.07 0.07', magnification='1.75')
    assert fill_spacing(told, given) == told


def test_a_contradiction_is_refused_with_both_values():
    found = fill_spacing(record(pixel='0.085 0.085', imager='0.094 0.094'), '0.07 0.07')
    assert found['error'].startswith(
        'spacing_mm is 0.07 0.07, its header says 0.085 0.085. Leave the cell empty'
    )


def test_micrometres_are_refused():
    found = fill_spacing(record(), '70 70')
    assert found['error'].startswith('spacing_mm 70 70 makes the image 280000 × 210000 mm')


def test_an_image_that_failed_stays_so():
    assert fill_spacing({'error': 'damaged'}, '0.07 0.07') == {'error': 'damaged'}
