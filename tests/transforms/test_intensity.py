import numpy as np
import pytest
from mmengine.dataset import Compose

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.breast import breast_core
from mmseg_mammo.io.image import map_intensity, write_png
from mmseg_mammo.transforms import LoadMammogram, MapIntensity
from mmseg_mammo.transforms.intensity import grey_channel, three_channels

RNG = np.random.default_rng(0)
GREY = {
    8: RNG.integers(20, 200, (30, 20)).astype(np.uint8),
    12: RNG.integers(100, 4000, (30, 20)).astype(np.uint16),
    16: RNG.integers(900, 65000, (30, 20)).astype(np.uint16),
    'shifted': RNG.integers(0, 200, (30, 20)).astype(np.uint16) * 256,
}
SETTINGS = (
    dict(intensity='stored'),
    dict(intensity='minmax'),
    dict(intensity='percentile', percentiles=(5, 90)),
)


@pytest.mark.parametrize('settings', SETTINGS, ids=lambda s: s['intensity'])
@pytest.mark.parametrize('bits', GREY)
def test_reading_and_mapping_are_loading_in_one(bits, settings, tmp_path):
    path = str(tmp_path / 'a.png')
    write_png(tmp_path / 'a.png', GREY[bits])
    steps = Compose([dict(type='ReadMammogram'), dict(type='MapIntensity', **settings)])
    one, two = LoadMammogram(**settings)({'img_path': path}), steps({'img_path': path})
    assert one.keys() == two.keys()
    assert one['img'].dtype == two['img'].dtype
    np.testing.assert_array_equal(one['img'], two['img'])
    assert {k: v for k, v in one.items() if k != 'img'} == {
        k: v for k, v in two.items() if k != 'img'
    }


@pytest.mark.parametrize('settings', SETTINGS, ids=lambda s: s['intensity'])
@pytest.mark.parametrize('bits', GREY)
def test_arrays_of_every_layout_are_mapped_as_one_channel_is(bits, settings):
    grey = GREY[bits]
    expected = map_intensity(grey, settings['intensity'], settings.get('percentiles', (1, 99)))
    channels = np.dstack([grey] * 3)
    for image in (grey, grey[..., None], channels, np.asfortranarray(channels)):
        before = image.copy()
        found = MapIntensity(**settings)({'img': image})
        assert found['img'].dtype == expected.dtype
        np.testing.assert_array_equal(found['img'], np.dstack([expected] * 3))
        assert found['grey_levels'] == (expected.dtype.name, int(expected.max()))
        np.testing.assert_array_equal(image, before)  # the caller's own array


@pytest.mark.parametrize('reader', ['LoadImageFromNDArray', 'LoadImageFromFile'])
def test_the_hosts_loaders_may_stand_in_front(reader, tmp_path):
    write_png(tmp_path / 'a.png', GREY[8])
    given = {'img': GREY[8]} if 'Array' in reader else {'img_path': str(tmp_path / 'a.png')}
    found = Compose([dict(type=reader), dict(type='MapIntensity')])(given)
    np.testing.assert_array_equal(found['img'][..., 1], map_intensity(GREY[8], 'minmax'))
    assert found['ori_shape'] == (30, 20)


@pytest.mark.parametrize('channel', [1, 2])
def test_colours_are_refused_by_name(channel):
    image = np.dstack([GREY[16]] * 3)
    image[29, 19, channel] += 1
    with pytest.raises(DataFileError, match=r'a\.png: an image with colours.*equal channels'):
        MapIntensity()({'img': image, 'img_path': 'a.png'})
    with pytest.raises(DataFileError, match='an array: an image with colours'):
        MapIntensity()({'img': image, 'img_path': None})


@pytest.mark.parametrize(
    'image',
    [
        GREY[8].astype(np.float32),
        GREY[12].astype(np.int16),
        np.dstack([GREY[8]] * 4),
        np.dstack([GREY[8]] * 2),
        GREY[8][None, None],
        GREY[8].ravel(),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(DataFileError, match=r'an array: an image of .*uint8 or uint16, H×W'):
        grey_channel({'img': image})


def test_an_unknown_intensity_is_refused():
    with pytest.raises(ValueError, match=r"'window'.*stored, minmax, percentile"):
        MapIntensity(intensity='window')


def test_three_channels_are_a_copy():
    made = three_channels(GREY[8])
    made[0] = 0
    assert GREY[8][0].any()


def film(air=90):
    """A bright half disc of 100 levels beside ``air`` columns of black, with one white label."""
    image = np.zeros((120, 60 + air), np.uint8)
    rows, columns = np.mgrid[:120, : 60 + air]
    inside = ((rows - 60) / 55) ** 2 + (columns / 50) ** 2 < 1
    image[inside] = 80 + (rows[inside] * 7 + columns[inside]) % 100
    image[4:7, -7:-4] = 255
    return image, inside


def test_percentiles_of_the_breast_do_not_ask_how_much_air_there_is():
    narrow, inside = film(60)
    wide, _ = film(140)
    step = MapIntensity(intensity='breast', percentiles=(10, 90))
    one, two = (step({'img': image})['img'][..., 0] for image in (narrow, wide))
    assert np.abs(one[inside].astype(int) - two[:, :120][inside]).max() <= 8
    other = MapIntensity(intensity='percentile', percentiles=(10, 90))
    one, two = (other({'img': image})['img'][..., 0] for image in (narrow, wide))
    assert np.abs(one[inside].astype(int) - two[:, :120][inside]).max() > 24


def test_percentiles_of_the_breast_are_those_of_numpy():
    image, _ = film()
    found = MapIntensity(intensity='breast', percentiles=(5, 95))({'img': image})['img'][..., 0]
    low, high = np.percentile(image[breast_core(image)], (5, 95))
    expected = ((image.astype(float) - low) * 255 / (high - low)).clip(0, 255)
    np.testing.assert_allclose(found, expected, atol=0.51)
    colour = np.dstack([image] * 3)
    np.testing.assert_array_equal(
        MapIntensity(intensity='breast', percentiles=(5, 95)).map(colour)[..., 2], found
    )


def test_an_image_without_a_breast_is_mapped_as_a_whole():
    black = np.zeros((20, 20), np.uint8)
    assert not MapIntensity(intensity='breast')({'img': black})['img'].any()
    with pytest.raises(ValueError, match='breast'):
        MapIntensity(intensity='tissue')
