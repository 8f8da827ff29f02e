import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.image import resize_image, scale_to_long_side, write_png
from mmseg_mammo.transforms import MammoCLAHE, ResizeMammogram, ShrinkMammogram
from mmseg_mammo.transforms.resizing import _say_once

SMALL = np.zeros((300, 200), np.uint8)
SMALL[101:103, 51:53] = 1
IMAGE = np.zeros((300, 200, 3), np.uint8)


@pytest.mark.parametrize(('name', 'left'), [('Resize', False), ('ResizeMammogram', True)])
def test_a_lesion_that_nearest_neighbour_drops_stays(name, left):
    step = TRANSFORMS.build(dict(type=name, scale=(20, 30), keep_ratio=False))
    found = step({'img': IMAGE, 'gt_seg_map': SMALL, 'seg_fields': ['gt_seg_map']})
    assert found['img'].shape == (30, 20, 3)
    assert found['gt_seg_map'].shape == (30, 20)
    assert found['gt_seg_map'].any() == left
    if left:
        assert np.argwhere(found['gt_seg_map']).tolist() == [[10, 5]]


def test_the_aspect_ratio_can_be_kept_and_a_mask_is_not_needed():
    step = TRANSFORMS.build(dict(type='ResizeMammogram', scale=(32, 32), keep_ratio=True))
    found = step({'img': IMAGE, 'gt_seg_map': SMALL, 'seg_fields': ['gt_seg_map']})
    assert found['gt_seg_map'].shape == found['img'].shape[:2] == (32, 21)
    assert 'gt_seg_map' not in step({'img': IMAGE})


def test_predictions_on_a_crop_stay_on_the_grid_of_its_mask():
    crop = {
        'img': IMAGE,
        'ori_shape': (300, 200),
        'gt_seg_map': SMALL,
        'seg_fields': ['gt_seg_map'],
    }
    for where, shape in ((None, (300, 200)), ('input', (32, 16))):
        step = ResizeMammogram(scale=(16, 32), compare_on=where)
        found = step({**crop})
        assert found['ori_shape'] == shape
        assert found['gt_seg_map'].shape == (32, 16)
    with pytest.raises(MammoError, match="compare_on='file'"):
        ResizeMammogram(scale=(16, 32), compare_on='file')


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('name', ['Resize', 'ResizeMammogram'])
def test_area_takes_the_mean_of_the_pixels_that_become_one(name, dtype):
    """12×8 pixels to 3×4: means of 4×2, rounded; the mask is not averaged."""
    levels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (12, 8)).astype(dtype)
    mask = np.zeros((12, 8), np.uint8)
    mask[4, 2] = 1
    step = TRANSFORMS.build(dict(type=name, scale=(4, 3), interpolation='area'))
    given = {'img': np.dstack([levels] * 3), 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}
    found = step(given)
    means = levels.reshape(3, 4, 4, 2).mean(axis=(1, 3))
    assert found['img'].dtype == dtype
    assert np.abs(found['img'][..., 1] - means).max() <= 0.5
    if name == 'ResizeMammogram':
        assert np.argwhere(found['gt_seg_map']).tolist() == [[1, 1]]


def test_clahe_at_the_size_of_the_file_and_then_area_is_what_opencv_makes_of_it():
    levels = np.random.default_rng(1).integers(0, 4096, (96, 64)).astype(np.uint16)
    steps = [MammoCLAHE(clip_limit=2.0, tile_grid_size=(4, 4)), *FIRST[2:]]
    found = Compose(steps)({'img': np.dstack([levels] * 3), 'img_shape': (96, 64)})['inputs']
    eight = np.rint(levels / 257).astype(np.uint8)
    equal = cv2.createCLAHE(2.0, (4, 4)).apply(eight)
    expected = cv2.resize(equal, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.array_equal(found[0].numpy(), expected)


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


def resized(image, **settings):
    facts = {key: settings.pop(key) for key in FACTS if key in settings}
    step = ResizeMammogram(scale=(64, 48), **settings)
    return step({'img': image, 'ori_shape': image.shape[:2], 'img_path': 'a.png', **facts})


FACTS = ('extent_mm', 'spacing_mm', 'original_height', 'original_width')


@pytest.mark.parametrize(
    ('facts', 'shape'),
    [
        ({'extent_mm': (80.0, 120.0)}, (40, 60)),  # 2 mm each, whatever the image was stretched to
        ({'extent_mm': (20.0, 30.0)}, (10, 15)),
        ({'extent_mm': (81.0, 119.4)}, (40, 60)),  # 40.5 × 59.7, rounded
        ({'spacing_mm': (0.2, 0.4)}, (30, 40)),  # 300 × 200 pixels of the file
        ({'original_height': 600, 'original_width': 900, 'mm_if_unknown': 0.1}, (30, 45)),
        ({'mm_if_unknown': 0.3}, (45, 30)),  # the file is the original
        ({'extent_mm': (80.0, 120.0), 'mm_if_unknown': 9.0}, (40, 60)),
    ],
)
def test_a_pixel_has_the_millimetres_that_are_asked_for(facts, shape):
    found = resized(IMAGE, mm_per_pixel=2.0, **facts)
    assert found['img'].shape == (*shape, 3)
    assert found['img_shape'] == shape
    assert found['scale_factor'] == (shape[1] / 200, shape[0] / 300)


def test_an_image_that_is_too_large_is_shrunk_until_it_fits_and_that_is_said_once(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_mammo.transforms.resizing.print_log', lambda *a: said.append(a[0]))
    _say_once.cache_clear()
    for extent in ((80.0, 120.0), (192.0, 128.0), (96.0, 512.0)):
        found = resized(IMAGE, mm_per_pixel=2.0, extent_mm=extent)
        assert found['img'].shape[:2] == {80: (40, 60), 192: (48, 32), 96: (12, 64)}[extent[0]]
    assert len(said) == 1
    assert 'more than 48×64 pixels of 2 mm are shrunk' in said[0]


def test_an_unknown_spacing_names_the_image_and_what_to_do():
    with pytest.raises(DataFileError, match=r'a\.png: the size of its pixels.*mm_if_unknown'):
        resized(IMAGE, mm_per_pixel=2.0, extent_mm=None)


@pytest.mark.parametrize(
    ('original', 'shape'),
    [((600, 300), (48, 24)), ((30, 60), (32, 64)), ((10, 400), (2, 64)), (None, (48, 32))],
)
def test_the_aspect_ratio_of_the_original_undoes_a_preparation_that_stretched(original, shape):
    facts = dict(zip(FACTS[2:], original, strict=True)) if original else {}
    found = resized(IMAGE, aspect='original', interpolation='area', **facts)
    assert found['img'].shape[:2] == shape


@pytest.mark.parametrize('given', [{'mm_per_pixel': 2.0, 'extent_mm': (60.0, 80.0)}, {}])
def test_masks_follow_and_no_lesion_vanishes(given):
    own = {} if given else {'aspect': 'original'}
    step = {key: value for key, value in {**given, **own}.items() if key != 'extent_mm'}
    found = ResizeMammogram(scale=(24, 32), **step)(
        {'img': IMAGE, 'gt_seg_map': SMALL, 'seg_fields': ['gt_seg_map'], **given}
    )
    assert found['gt_seg_map'].shape == found['img'].shape[:2]
    assert found['gt_seg_map'].sum() == 1


@pytest.mark.parametrize(
    'settings',
    [
        {'mm_per_pixel': 0.0},
        {'mm_per_pixel': 1.0, 'mm_if_unknown': -1.0},
        {'mm_if_unknown': 0.1},
        {'aspect': 'square'},
        {'aspect': 'original', 'mm_per_pixel': 1.0},
        {'aspect': 'original', 'scale': None, 'scale_factor': 0.5},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(MammoError):
        ResizeMammogram(**{'scale': (64, 48), **settings})


@pytest.mark.parametrize('settings', [{}, {'keep_ratio': True}, {'interpolation': 'area'}])
def test_without_its_own_settings_an_image_is_resized_as_by_mmcv(settings):
    image = np.random.default_rng(0).integers(0, 255, (90, 70, 3)).astype(np.uint8)
    facts = {'extent_mm': (90.0, 35.0), 'original_height': 30, 'original_width': 90}
    found = ResizeMammogram(scale=(32, 48), **settings)({'img': image, **facts})
    theirs = TRANSFORMS.build(dict(type='Resize', scale=(32, 48), **settings))({'img': image})
    assert np.array_equal(found['img'], theirs['img'])
    assert all(found[key] == theirs[key] for key in theirs.keys() - {'img'})


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
