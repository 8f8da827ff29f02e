import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from two_stage_models import full_sample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.prompts.interaction import given_prompts
from mmseg_mammo.models.two_stage.crop_inputs import (
    crop_input,
    crop_sample,
    full_image,
    full_shape,
)
from mmseg_mammo.transforms.crops import crop_box, crop_side


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('shape', [(301, 207), (64, 90)])
@pytest.mark.parametrize('one_memory', [False, True])
@pytest.mark.parametrize('packs_one', [False, True])
def test_a_crop_is_the_one_of_the_training_to_the_bit(dtype, shape, one_memory, packs_one):
    """Shrunk and enlarged, inside and across the border of the image."""
    init_default_scope('mmseg')
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    for size, share, (left, top) in (
        ((32, 32), 0.28, (0, 5)),
        ((48, 40), 0.6, (40, 30)),
        ((128, 128), 0.28, (60, 20)),
    ):
        mask = np.zeros(shape, np.uint8)
        mask[top : top + 9, left : left + 5] = 1
        three = np.broadcast_to(pixels[..., None], (*shape, 3))
        results = {
            'img': three if one_memory else np.ascontiguousarray(three),
            'gt_seg_map': mask,
            'seg_fields': ['gt_seg_map'],
            'annotated': 'lesion',
            'img_path': 'a.png',
            'ori_shape': shape,
        }
        trained = Compose(
            [
                {'type': 'CropAroundLesion', 'share': share, 'random': False},
                {
                    'type': 'ResizeMammogram',
                    'scale': size[::-1],
                    'keep_ratio': False,
                    'interpolation': 'area',
                },
                {'type': 'PackMammogram', 'one_channel': packs_one},
            ]
        )(results)['inputs']
        box = crop_box(left + 2, top + 4, crop_side(shape, share))
        ours = crop_input(pixels, box, size)
        assert ours.shape == (3, *size)
        assert torch.equal(ours.float(), trained.float().expand(3, -1, -1))


def test_the_click_is_on_the_peak():
    sample = crop_sample(
        (12.0, 21.5), (10, 20, 14, 24), (8, 8), {'img_path': 'a.png', 'view': 'CC'}
    )
    assert given_prompts(sample).points.tolist() == [[[4.5, 3.5]]]
    assert given_prompts(sample).labels.tolist() == [[1]]
    assert (sample.ori_shape, sample.img_shape, sample.img_path) == ((8, 8), (8, 8), 'a.png')


def test_pixels_come_back_as_they_were_kept():
    for dtype in (np.uint8, np.uint16):
        pixels = np.arange(12, dtype=dtype).reshape(3, 4) * (np.iinfo(dtype).max // 12)
        sample = full_sample(pixels)
        assert full_image(sample).dtype == dtype
        assert np.array_equal(full_image(sample), pixels)
        assert full_shape(sample) == (3, 4)


def test_a_sample_without_them_is_refused():
    sample = full_sample(np.zeros((3, 4), np.uint8))
    del sample.full_image
    with pytest.raises(MammoError, match=r"a\.png: no pixels at full.*type='KeepFullImage'"):
        full_image(sample)
