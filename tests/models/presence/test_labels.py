"""Image labels come from the index, and from masks where there is no index."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.models.presence.labels import image_label


def sample(values=None, dtype=torch.uint8, **facts):
    found = SegDataSample(metainfo=facts)
    if values is not None:
        found.gt_sem_seg = PixelData(data=torch.tensor([[values]], dtype=dtype))
    return found


@pytest.mark.parametrize(
    ('annotated', 'values', 'label'),
    [
        ('lesion', [0, 1], 1.0),
        ('lesion', [255, 255], 1.0),  # nobody outlined it
        ('lesion', [0, 0], 1.0),  # augmentation moved it out of the picture
        ('lesion', None, 1.0),
        ('normal', [0, 0], 0.0),
        ('normal', None, 0.0),
        ('no', [0, 0], None),
    ],
)
def test_the_index_decides_where_it_says_something(annotated, values, label):
    assert image_label(sample(values, annotated=annotated)) == label


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int64])
@pytest.mark.parametrize(
    ('values', 'label'),
    [([0, 1], 1.0), ([1, 255], 1.0), ([0, 255], 0.0), ([0, 0], 0.0), ([255, 255], None)],
)
def test_without_an_index_the_mask_decides_but_for_what_is_ignored(values, label, dtype):
    assert image_label(sample(values, dtype)) == label


def test_a_sample_of_which_nothing_is_known_has_no_label():
    assert image_label(sample()) is None


def test_an_image_of_a_source_with_one_label_has_none():
    assert image_label(sample([0, 1], annotated='lesion', trains_presence=False)) is None
    assert image_label(sample([0, 1], annotated='lesion', trains_presence=True)) == 1
