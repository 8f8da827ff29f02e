"""One cut: its pixels are those of the image, in the same depth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.lesion_free.boxes import Box
from mmseg_mammo.preparation.lesion_free.image import (
    FREE,
    WITH_LESION,
    CutJob,
    CutOptions,
    cut,
    make_cut,
)

OPTIONS = CutOptions('crop', (0.35, 0.6))


@pytest.fixture
def files(tmp_path):
    """Every pixel of the image has a level of its own."""
    image = np.zeros((100, 100), np.uint16)
    image[:, :90] = 20000 + np.arange(9000).reshape(100, 90)
    mask = np.zeros((100, 100), np.uint8)
    mask[20:30, 20:30] = 255
    write_png(tmp_path / 'i.png', image)
    write_png(tmp_path / 'm.png', mask)
    return image, mask, tmp_path / 'i.png', tmp_path / 'm.png'


def job(files, purpose=FREE, **changes):
    return CutJob(
        **{
            **dict(name=f'i_{purpose}1', image=files[2], mask=files[3], key='images/i.png'),
            **dict(number=0, purpose=purpose),
            **changes,
        }
    )


def read(path: Path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def place_of(pixels, image):
    """Where a window of an image comes from, by the level of its brightest pixel in it."""
    (at,) = np.argwhere(image == pixels.max())
    (inside,) = np.argwhere(pixels == pixels.max())
    top, left = at - inside
    return slice(top, top + pixels.shape[0]), slice(left, left + pixels.shape[1])


def test_crops_are_windows_of_the_image(files, tmp_path):
    image, mask = files[:2]
    free, held = (make_cut(job(files, p), tmp_path, OPTIONS) for p in (FREE, WITH_LESION))
    assert free['mask'] == ''
    pixels = read(tmp_path / free['image'])
    assert pixels.dtype == np.uint16
    window = place_of(pixels, image)
    assert (image[window] == pixels).all()
    assert not mask[window].any()
    ill = read(tmp_path / held['image'])
    window = place_of(ill, image)
    assert (image[window] == ill).all()
    assert (read(tmp_path / held['mask']) == mask[window]).all()
    assert (mask[window] > 0).sum() == 100
    assert ill.shape == pixels.shape == tuple(free['cut'])
    assert held['whole'] == [100, 100]


@pytest.mark.parametrize('purpose', [FREE, WITH_LESION])
def test_a_window_is_the_crop_in_its_place(files, tmp_path, purpose):
    image, mask = files[:2]
    crop = read(tmp_path / make_cut(job(files, purpose), tmp_path, OPTIONS)['image'])
    made = make_cut(job(files, purpose), tmp_path, CutOptions('window', (0.35, 0.6)))
    window, place = read(tmp_path / made['image']), place_of(crop, image)
    assert window.shape == tuple(made['cut']) == tuple(made['whole']) == image.shape
    assert np.array_equal(window[place], crop)
    assert np.count_nonzero(window) == np.count_nonzero(crop)
    if purpose == WITH_LESION:
        assert np.array_equal(read(tmp_path / made['mask']), mask)


def test_the_image_decides_what_is_cut_and_the_number_too(files, tmp_path):
    def pixels(purpose=FREE, options=OPTIONS, **changes):
        return read(tmp_path / make_cut(job(files, purpose, **changes), tmp_path, options)['image'])

    one = pixels()
    assert np.array_equal(one, pixels())
    others = (
        pixels(number=1),
        pixels(key='images/other.png'),
        pixels(options=CutOptions('crop', (0.35, 0.6), seed=1)),
    )
    assert not any(np.array_equal(one, other) for other in others)


def test_a_side_keeps_the_size_and_the_place(files, tmp_path):
    image, mask = files[:2]
    options = CutOptions('side', (0.3, 0.9))
    free = make_cut(job(files), tmp_path, options)
    pixels = read(tmp_path / free['image'])
    assert pixels.shape == image.shape
    assert (pixels[:32] == 0).all()
    assert (pixels[32:] == image[32:]).all()
    held = make_cut(job(files, WITH_LESION), tmp_path, options)
    assert (read(tmp_path / held['image'])[:68] == image[:68]).all()
    assert (read(tmp_path / held['mask']) == mask).all()


def test_without_room_nothing_is_written_and_a_cut_of_before_goes(files, tmp_path):
    made = make_cut(job(files, WITH_LESION), tmp_path, OPTIONS)
    write_png(files[3], np.pad(np.full((99, 99), 255, np.uint8), (0, 1)))
    record = make_cut(job(files, WITH_LESION), tmp_path, OPTIONS)
    assert (record['image'], record['mask']) == ('', '')
    assert 'half breast' in record['note']
    assert not (tmp_path / made['image']).exists()
    assert not (tmp_path / made['mask']).exists()


def test_a_mask_of_many_values_is_refused(files, tmp_path):
    write_png(files[3], np.tile(np.arange(100, dtype=np.uint8), (100, 1)))
    with pytest.raises(DataFileError, match='different values'):
        make_cut(job(files), tmp_path, OPTIONS)


@pytest.mark.parametrize('kind', ['crop', 'window', 'side'])
@pytest.mark.parametrize(
    ('mask', 'said'),
    [
        (np.zeros((100, 100), np.uint8), 'no lesion pixel'),
        (np.pad(np.full((9, 9), 255, np.uint8), (0, 90)), r'shape \(99, 99\)'),
    ],
)
@pytest.mark.parametrize('purpose', [FREE, WITH_LESION])
def test_a_lesion_that_its_mask_does_not_tell_gives_no_normal(
    kind, mask, said, purpose, files, tmp_path
):
    write_png(files[3], mask)
    with pytest.raises(DataFileError, match=said):
        make_cut(job(files, purpose), tmp_path, CutOptions(kind, (0.35, 0.6)))
    assert not list(tmp_path.glob('images/*'))


def test_a_normal_image_has_one_input(files):
    assert job(files, mask=None).inputs == (files[2],)
    assert job(files).inputs == files[2:]


def test_a_cut_is_a_copy():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert cut(pixels, Box(1, 3, 2, 4), 'crop').tolist() == [[6, 7], [10, 11]]
    kept = cut(pixels, Box(1, 2, 0, 4), 'side')
    assert kept.tolist() == [[0] * 4, [4, 5, 6, 7], [0] * 4]
