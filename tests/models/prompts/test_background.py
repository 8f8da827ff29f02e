"""Prompts of the background: beside the lesion, in the breast, drawn as those of a lesion."""

import numpy as np
import pytest
import torch
from sam_models import sample_of, square
from scipy import ndimage

from mmseg_mammo.models import EDTCentreSampler, JitteredBoxSampler, RandomPointSampler
from mmseg_mammo.models.prompts.background import background_regions, prompts_with_background

SHAPE = (100, 60)
POINT = RandomPointSampler()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def half(side):
    """The left or the right half of a picture."""
    found = torch.zeros(SHAPE, dtype=torch.bool)
    found[:, :30] = True
    return found if side == 'left' else ~found


def clicked(interaction):
    x, y = interaction.prompts.points[:, 0].long().unbind(-1)
    return y, x


def test_regions_are_in_what_is_free_and_away_from_the_lesion():
    free, lesion = half('left'), square(SHAPE, 40, 0)
    regions = background_regions(free, lesion, 200, seeded())
    assert regions.shape == (200, *SHAPE)
    assert regions.flatten(1).any(dim=1).all()
    assert not (regions & ~free).any()
    away = torch.from_numpy(ndimage.distance_transform_edt(~lesion.numpy()))
    assert away[regions.any(dim=0)].min() > 1.9  # 2 % of 100 pixels, a tenth of it for rounding
    # Of all sizes, and everywhere.
    areas = regions.flatten(1).sum(dim=1)
    assert areas.min() <= 9
    assert areas.max() > 120
    assert regions.any(dim=0).sum() > 0.9 * (free & (away > 2)).sum()


def test_without_a_free_pixel_there_is_no_region():
    lesion = square(SHAPE, 0, 0, 100)
    assert background_regions(torch.ones(SHAPE, dtype=torch.bool), lesion, 2).shape == (0, *SHAPE)


def test_a_normal_image_is_clicked_once_in_the_breast():
    sample = sample_of(torch.zeros(SHAPE), SHAPE)
    breast = half('right').numpy()
    for seed in range(20):
        found = prompts_with_background(sample, SHAPE, POINT, 0.0, lambda: breast, seeded(seed))
        assert found.objects.shape == (1, *SHAPE)
        assert not found.objects.any()
        assert breast[clicked(found)].all()


@pytest.mark.parametrize('share', [0.0, 0.3, 1.0])
def test_that_share_of_lesion_images_has_a_click_beside_the_lesion(share):
    lesion = square(SHAPE, 40, 10)
    sample = sample_of(lesion, SHAPE)
    found = [
        prompts_with_background(sample, SHAPE, POINT, share, None, seeded(seed))
        for seed in range(200)
    ]
    assert np.mean([len(one.objects) == 2 for one in found]) == pytest.approx(share, abs=0.08)
    for one in found:
        assert torch.equal(one.objects[0], lesion)
        assert not one.objects[1:].any()
        assert lesion[clicked(one)].tolist() == [True, False][: len(one.objects)]
        assert (one.prompts.labels == 1).all()


def test_boxes_are_boxes_and_objects_are_objects():
    """Nothing but the place tells a prompt of the background from one of a lesion."""
    lesion = square(SHAPE, 40, 10) | square(SHAPE, 80, 40)
    sampler = JitteredBoxSampler(jitter=0, per_component=True)
    found = prompts_with_background(sample_of(lesion, SHAPE), SHAPE, sampler, 1.0, None, seeded())
    assert found.prompts.boxes.shape == (3, 4)
    assert found.prompts.labels.shape == (3, 0)
    x1, y1, x2, y2 = found.prompts.boxes[2].long()
    assert not lesion[y1 : y2 + 1, x1 : x2 + 1].all()
    assert found.objects.flatten(1).sum(dim=1).tolist() == [256, 256, 0]


def test_what_is_ignored_is_not_clicked_unless_nothing_else_is_there():
    truth = torch.full(SHAPE, 255, dtype=torch.uint8)
    truth[:20, :20] = 0
    sample = sample_of(truth, SHAPE)
    for breast in (None, lambda: half('right').numpy()):  # of which nothing is known
        y, x = clicked(
            prompts_with_background(sample, SHAPE, EDTCentreSampler(), 0.0, breast, seeded())
        )
        assert x < 20
        assert y < 20
    sample = sample_of(torch.full(SHAPE, 255), SHAPE)
    found = prompts_with_background(sample, SHAPE, POINT, 0.0, None, seeded())
    assert len(found.objects) == 1


def test_padding_is_no_picture():
    """60 of 100 columns are padding."""
    truth = torch.zeros(100, 100, dtype=torch.uint8)
    truth[:, 40:] = 255
    sample = sample_of(truth, (100, 40), padding_size=(0, 60, 0, 0))
    for seed in range(10):
        found = prompts_with_background(sample, (100, 100), POINT, 0.0, None, seeded(seed))
        assert found.objects.shape == (1, 100, 40)
        assert clicked(found)[1] < 40
