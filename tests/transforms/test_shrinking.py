import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import resize_image, scale_to_long_side, write_png
from mmseg_mammo.transforms import ShrinkMammogram

SMALL = np.zeros((300, 200), np.uint8)
SMALL[101:103, 51:53] = 1
IMAGE = np.zeros((300, 200, 3), np.uint8)
BEHIND = [
    dict(type='MapIntensity'),
    dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='MammoCLAHE', tile_grid_size=(2, 2)),
    dict(type='PackMammogram'),
]


FIRST = [
    dict(type='MapIntensity'),
    dict(type='MammoCLAHE', tile_grid_size=(2, 2)),
    dict(type='Resize', scale=(32, 32), keep_ratio=False, interpolation='area'),
    dict(type='PackMammogram'),
]


@pytest.mark.parametrize('behind', [BEHIND, FIRST])
@pytest.mark.parametrize('shape', [(300, 200), (211, 333)])
@pytest.mark.parametrize('top', [256, 4096, 65536])
def test_an_original_that_is_shrunk_is_the_same_input_as_the_prepared_image(
    top, shape, behind, tmp_path
):
    levels = np.random.default_rng(0).integers(0, top, shape)
    original = levels.astype(np.uint8 if top == 256 else np.uint16)
    prepared = resize_image(original, scale_to_long_side(shape, 120))
    assert max(prepared.shape) == 120
    write_png(tmp_path / 'original.png', original)
    write_png(tmp_path / 'prepared.png', prepared)
    read, shrink = dict(type='ReadMammogram'), dict(type='ShrinkMammogram', long_side=120)
    one = Compose([read, shrink, *behind])({'img_path': str(tmp_path / 'original.png')})
    two = Compose([read, *behind])({'img_path': str(tmp_path / 'prepared.png')})
    assert torch.equal(one['inputs'], two['inputs'])
    assert one['data_samples'].ori_shape == shape
    assert two['data_samples'].ori_shape == prepared.shape
    array = Compose([dict(type='LoadImageFromNDArray'), shrink, *behind])({'img': original})
    assert torch.equal(array['inputs'], two['inputs'])


@pytest.mark.parametrize('long_side', [0, 300, 400])
def test_an_image_that_is_small_enough_is_not_touched(long_side):
    given = {'img': IMAGE, 'img_shape': (300, 200), 'ori_shape': (300, 200)}
    found = ShrinkMammogram(long_side=long_side)(dict(given))
    assert found.keys() == given.keys()
    assert found['img'] is IMAGE


def test_the_file_keeps_its_shape_and_its_mask_and_the_image_says_how_much_smaller_it_is():
    given = {
        'img': IMAGE,
        'img_shape': (300, 200),
        'ori_shape': (300, 200),
        'gt_seg_map': SMALL,
        'seg_fields': ['gt_seg_map'],
    }
    found = ShrinkMammogram(long_side=75)(dict(given))
    assert found['img'].shape == (75, 50, 3)
    assert found['img_shape'] == (75, 50)
    assert found['ori_shape'] == (300, 200)
    assert found['scale_factor'] == (0.25, 0.25)  # width and height
    assert found['gt_seg_map'] is SMALL
    mask = TRANSFORMS.build(dict(type='ResizeMammogram', scale=(20, 30), keep_ratio=False))(found)
    assert np.argwhere(mask['gt_seg_map']).tolist() == [[10, 5]]
    again = ShrinkMammogram(long_side=30)(
        {**found, 'img': IMAGE[:75, :50], 'scale_factor': (0.25, 0.25)}
    )
    assert again['scale_factor'] == (0.1, 0.1)


def test_a_negative_side_and_colours_are_refused():
    with pytest.raises(DataFileError, match='long side -1'):
        ShrinkMammogram(long_side=-1)
    with pytest.raises(DataFileError, match='colours'):
        ShrinkMammogram(long_side=9)({'img': np.dstack([SMALL, SMALL, SMALL + 1])})
