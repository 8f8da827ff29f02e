import numpy as np
import pytest

from mmseg_mammo.io.raster.pgm import DamagedError, decode_pgm


@pytest.mark.parametrize(('top', 'depth'), [(3, np.uint8), (100, np.uint8), (4095, np.uint16)])
def test_values_are_kept_as_stored_in_both_forms(top, depth):
    values = np.array([[0, 1, top], [2, top, 0]])
    binary = values.astype(np.uint8 if top < 256 else '>u2').tobytes()
    text = ' '.join(map(str, values.ravel())).encode()
    for data in (
        b'P5\n3 2\n%d\n' % top + binary,
        b'P5 # size\n3 2 # and maximum\n%d\n' % top + binary,
        b'P2\n3 2\n%d\n' % top + text + b'\n# end\n',
    ):
        pixels = decode_pgm(data)
        assert pixels.dtype == depth
        np.testing.assert_array_equal(pixels, values)


@pytest.mark.parametrize('data', [b'P1\n4 1\n0 1 1 0\n', b'P1 4 1 0110', b'P4\n4 1\n\x60'])
def test_in_bitmaps_1_is_black(data):
    np.testing.assert_array_equal(decode_pgm(data), [[255, 0, 0, 255]])


@pytest.mark.parametrize(
    'data',
    [
        b'P5\n2 1\n100\n\x05\xc8',
        b'P2\n2 1\n100\n5 101',
        b'P2\n2 1\n100\n5',
        b'P2\n2 1\n100\n5 -1',
        b'P5\n2 2\n255\nabc',
        b'P5\n2 1\n0\nab',
        b'P5\n2 1\n70000\nabcd',
        b'P5\n2',
        b'P4\n9 2\nabc',
    ],
)
def test_missing_and_impossible_values_are_damage(data):
    with pytest.raises(DamagedError):
        decode_pgm(data)


def test_a_second_picture_is_not_dropped():
    with pytest.raises(ValueError, match='several pictures'):
        decode_pgm(b'P5\n2 1\n255\nab' * 2)
    with pytest.raises(ValueError, match='3 values for 2 pixels'):
        decode_pgm(b'P2\n2 1\n255\n1 2 3\n')
