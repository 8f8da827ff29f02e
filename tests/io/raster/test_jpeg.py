import os

import cv2
import numpy as np
import pytest
from raster_samples import encoded

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import read_image, read_labels
from mmseg_mammo.io.raster.jpeg import decode_jpeg
from mmseg_mammo.phantoms.mammogram import APPEARANCES, make_mammogram

PIXELS, LESIONS = make_mammogram(
    np.random.default_rng(0),
    APPEARANCES['zgt'],
    (256, 160),
    'LEFT',
    'MLO',
    lesions=[('mass', 'malignant')],
    density=2,
)
GREY = (PIXELS >> 4).astype(np.uint8)
MASK = LESIONS[0].mask.astype(np.uint8) * 255
KINDS = {
    'plain': {},
    'optimised': {'optimize': True},
    'progressive': {'progressive': True},
}


def change(data, place, count=60):
    damaged = bytearray(data)
    for index in range(place, place + count):
        damaged[index] = (damaged[index] * 7 + 13) % 254
    return bytes(damaged)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('picture', [GREY, MASK, np.dstack([GREY] * 3), GREY[:1, :1]])
@pytest.mark.parametrize('quality', [10, 75, 95, 100])
def test_no_whole_file_is_refused(picture, quality, kind):
    data = encoded(picture, 'JPEG', quality=quality, **KINDS[kind])
    np.testing.assert_array_equal(
        decode_jpeg(data), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    )


@pytest.mark.parametrize('interval', [0, 1, 7])
def test_restart_markers_and_trailing_bytes_are_no_damage(interval):
    data = cv2.imencode('.jpg', GREY, [cv2.IMWRITE_JPEG_RST_INTERVAL, interval])[1].tobytes()
    assert decode_jpeg(data) is not None
    for more in (100, 9000):  # a phone's second picture, the rest of a disk block
        assert decode_jpeg(data + bytes(more)) is not None


def test_the_end_of_a_preview_in_the_header_is_not_that_of_the_picture():
    preview = encoded(GREY[::8, ::8], 'JPEG')
    tag = b'\xff\xe2' + (len(preview) + 2).to_bytes(2, 'big') + preview
    data = encoded(GREY, 'JPEG', quality=30)
    assert decode_jpeg(data[:2] + tag + data[2:]) is not None
    assert decode_jpeg(data[:2] + tag + data[2:-900]) is None


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('picture', [GREY, MASK])
def test_nine_of_ten_damages_of_sixty_bytes_are_found(picture, kind):
    data = encoded(picture, 'JPEG', quality=95, **KINDS[kind])
    start = data.index(b'\xff\xda') + 12
    places = np.linspace(start, len(data) - 64, 40).astype(int)
    found = [decode_jpeg(change(data, place)) is None for place in places]
    assert np.mean(found) >= 0.8


def test_blocks_left_over_at_the_end_are_damage():
    # Eight blocks of one level, 6 bits each, and as many again: libjpeg says nothing.
    data = encoded(np.full((8, 64), 200, np.uint8), 'JPEG', quality=75)
    assert decode_jpeg(data) is not None
    assert decode_jpeg(data[:-2] + data[-4:-2] * 2 + b'\xff\xd9') is None


def test_damaged_images_and_masks_name_themselves(tmp_path):
    data = cv2.imencode('.jpg', GREY, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    path = tmp_path / 'bad.jpg'
    path.write_bytes(change(data, len(data) // 2))
    for read in (read_image, read_labels):
        with pytest.raises(DataFileError, match=r'bad\.jpg: not a readable image'):
            read(path)


def test_other_messages_on_standard_error_are_passed_on(monkeypatch, capfd):
    data = encoded(GREY, 'JPEG')
    assert decode_jpeg(data) is not None
    decode = cv2.imdecode

    def talkative(*args):
        os.write(2, b'another thread\n')
        return decode(*args)

    monkeypatch.setattr(cv2, 'imdecode', talkative)
    assert decode_jpeg(data) is not None
    assert capfd.readouterr().err.count('another thread') == 1
