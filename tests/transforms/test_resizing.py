import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

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
