import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from two_stage_models import PIPELINE, SIDE

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.datasets.step_kinds import is_cacheable, is_deterministic, takes_one_channel
from mmseg_mammo.engine.config.image_steps import touches_image
from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.image import read_image
from mmseg_mammo.transforms import KeepFullImage, MammoCLAHE, MapIntensity
from mmseg_mammo.transforms.full_image import full_pixels


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def results(pixels, **more):
    image = np.repeat(pixels[..., None], 3, axis=2)
    known = {'img': image, 'img_shape': pixels.shape, 'ori_shape': pixels.shape}
    return {**known, 'seg_fields': [], 'img_path': 'a.png', **more}


def test_the_sample_has_the_equalised_pixels_before_the_resizing(prepared):
    dataset = MammographyDataset(data_root=str(prepared), pipeline=list(PIPELINE))
    packed = dataset[0]
    found = full_pixels(packed['data_samples'].full_image)
    assert packed['inputs'].shape[1:] == (SIDE, SIDE)
    step = MammoCLAHE(tile_grid_size=(4, 4))
    grey = MapIntensity().map(read_image(dataset.get_data_info(0)['img_path']))
    expected = step({'img': np.repeat(grey[..., None], 3, axis=2)})['img'][..., 0]
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_8_bits_stay_and_nothing_moves_to_the_device():
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    steps = [{'type': 'KeepFullImage'}, {'type': 'Resize', 'scale': (4, 3)}]
    packed = Compose([*steps, {'type': 'PackMammogram'}])(results(pixels))
    sample = packed['data_samples']
    assert sample.full_image.data.dtype == torch.uint8
    assert np.array_equal(full_pixels(sample.full_image), pixels)
    assert sample.to('meta').full_image.data.device.type == 'cpu'
    without = Compose([steps[1], {'type': 'PackMammogram'}])(results(pixels))
    assert 'full_image' not in without['data_samples']


@pytest.mark.parametrize(
    'step',
    [
        {'type': 'RandomFlip', 'prob': 1.0},
        {'type': 'CenterCrop', 'crop_size': (3, 3)},
        {'type': 'Pad', 'size': (9, 9)},
        {'type': 'RandomLesionAffine', 'prob': 0.0},
    ],
)
def test_what_moves_the_small_image_alone_is_refused(step):
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    resize = {'type': 'Resize', 'scale': (6, 6), 'keep_ratio': False}
    for steps in ([{'type': 'KeepFullImage'}, resize, step], [{'type': 'KeepFullImage'}, step]):
        with pytest.raises(MammoError, match=r'a\.png: .*KeepFullImage'):
            Compose([*steps, {'type': 'PackMammogram'}])(results(pixels))
    with pytest.raises(MammoError, match='beside a flipped image'):
        KeepFullImage()(results(pixels, flip=True))


def test_colours_and_floats_are_refused():
    coloured = results(np.zeros((4, 4), np.uint8))
    coloured['img'][0, 0, 0] = 9
    with pytest.raises(DataFileError, match='an image with colours'):
        KeepFullImage()(coloured)
    with pytest.raises(DataFileError, match='an image of float32'):
        KeepFullImage()(results(np.zeros((4, 4), np.float32)))


def test_channels_of_one_memory_are_not_copied():
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    one = {**results(grey), 'img': np.broadcast_to(grey[..., None], (4, 4, 3))}
    assert np.shares_memory(KeepFullImage()(one)['full_img'], grey)


def test_the_size_of_a_file_is_known_where_its_header_tells_it():
    grey = np.zeros((4, 6), np.uint8)
    given = results(grey, spacing_mm=(0.1, 0.2), ori_shape=(40, 60))
    assert KeepFullImage()(given)['extent_mm'] == (4.0, 12.0)
    assert KeepFullImage()({**given, 'extent_mm': (1.0, 2.0)})['extent_mm'] == (1.0, 2.0)
    assert 'extent_mm' not in KeepFullImage()(results(grey, spacing_mm=None))


def test_it_leaves_the_image_alone_and_is_no_part_of_the_cache():
    step = KeepFullImage()
    assert is_deterministic(step)
    assert takes_one_channel(step)
    assert not is_cacheable(step)
    assert not touches_image({'type': 'KeepFullImage'})


def test_a_cached_pipeline_gives_the_same(prepared, tmp_path):
    plain = MammographyDataset(data_root=str(prepared), pipeline=list(PIPELINE))
    settings = {'folder': str(tmp_path / 'cache')}
    cached = MammographyDataset(data_root=str(prepared), pipeline=list(PIPELINE), cache=settings)
    for _ in range(2):
        for one, other in zip(plain, cached, strict=True):
            assert torch.equal(one['inputs'], other['inputs'])
            pair = (each['data_samples'].full_image.data for each in (one, other))
            assert torch.equal(*pair)
