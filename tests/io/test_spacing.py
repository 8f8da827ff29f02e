from types import SimpleNamespace

import pytest

from mmseg_mammo.io.spacing import (
    extent_mm,
    fault_of_row,
    format_spacing,
    parse_spacing,
    pixel_size,
    spacing_at_breast,
)


def row(**changes):
    texts = dict.fromkeys(('pixel_spacing', 'imager_pixel_spacing', 'magnification'), '')
    return SimpleNamespace(**{**texts, 'original_height': 4000, 'original_width': 3000, **changes})


@pytest.mark.parametrize(
    ('text', 'spacing'),
    [
        ('0.07', (0.07, 0.07)),
        ('0.07 0.08', (0.07, 0.08)),
        ('0.07\\0.08', (0.07, 0.08)),
        ('[0.07, 0.08]', (0.07, 0.08)),
        ("['0.07', '0.08']", (0.07, 0.08)),
        ('0.07,0.08', (0.07, 0.08)),
        ('0,07', (0.07, 0.07)),
        ('0,07 0,08', (0.07, 0.08)),
        ('7e-2;0.08', (0.07, 0.08)),
        ('', None),
        ('  ', None),
    ],
)
def test_spellings_of_tables(text, spacing):
    assert parse_spacing(text) == spacing


@pytest.mark.parametrize('text', ['0', '0.07 0', '-0.07', 'nan', 'inf inf', 'x', '1 2 3', '70 µm'])
def test_what_is_not_one_or_two_positive_numbers_is_refused(text):
    with pytest.raises(ValueError):
        parse_spacing(text)


def test_a_spacing_comes_back_from_its_text():
    for spacing in ((0.07, 0.085), (1 / 3, 0.0500123), None):
        found = parse_spacing(format_spacing(spacing))
        assert found == (spacing and pytest.approx(spacing, rel=1e-9))


@pytest.mark.parametrize(
    ('pixel', 'imager', 'magnification', 'expected'),
    [
        (None, None, None, None),
        (None, None, 1.8, None),
        ((0.05, 0.06), None, None, (0.05, 0.06)),
        ((0.05, 0.06), (0.07, 0.08), 1.8, (0.05, 0.06)),  # calibrated: nothing is divided again
        (None, (0.07, 0.08), None, (0.07, 0.08)),
        (None, (0.09, 0.18), 1.8, (0.05, 0.1)),
        ((0.09, 0.09), (0.09, 0.09), 1.8, (0.05, 0.05)),  # equal: not corrected, PS3.3 10.7.1.1
        ((0.09, 0.09), (0.09, 0.09), None, (0.09, 0.09)),
        ((0.09, 0.09), None, 1.8, (0.09, 0.09)),
    ],
)
def test_the_spacing_at_the_breast(pixel, imager, magnification, expected):
    found = spacing_at_breast(pixel, imager, magnification)
    assert found == (expected and pytest.approx(expected))


def test_the_size_of_a_pixel_follows_the_grid():
    known = row(pixel_spacing='0.06 0.08')
    assert extent_mm(known) == pytest.approx((240, 240))
    assert pixel_size(known, (4000, 3000)) == pytest.approx((0.06, 0.08))
    assert pixel_size(known, (2000, 1500)) == pytest.approx((0.12, 0.16))
    assert pixel_size(known, (224, 224)) == pytest.approx((240 / 224, 240 / 224))
    assert pixel_size(row(imager_pixel_spacing='0.09 0.09', magnification='1.5'), (4000, 1500)) == (
        pytest.approx((0.06, 0.12))
    )


def test_where_nothing_is_known_nothing_is_invented():
    assert pixel_size(row(), (224, 224)) is None
    assert pixel_size(row(magnification='1.5'), (224, 224)) is None


def test_faults_of_a_row_name_the_column():
    assert fault_of_row(row(pixel_spacing='0.07 0.07', magnification='1.1')) == ''
    assert fault_of_row(row(pixel_spacing='70')) == (
        "pixel_spacing '70' makes the image 280000 × 210000 mm"
    )
    assert fault_of_row(row(imager_pixel_spacing='0.00007')).startswith("imager_pixel_spacing '0.0")
    assert fault_of_row(row(magnification='none')) == "magnification 'none'"
