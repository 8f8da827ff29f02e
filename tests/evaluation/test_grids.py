"""Probabilities on the grid that masks are compared on."""

import cv2
import numpy as np
import pytest
import torch
from scipy.special import expit

from mmseg_mammo.evaluation.grids import (
    MASKS,
    NETWORK,
    candidates_on,
    lesion_probability,
    prediction_origin,
    probability_on,
)

GENERATOR = torch.Generator().manual_seed(0)


def logits(*shape):
    return {'data': torch.randn(shape, generator=GENERATOR)}


def resized(grid, size):
    """OpenCV's bilinear resizing, which has its pixel centres where torch has them."""
    return cv2.resize(
        grid.numpy() if torch.is_tensor(grid) else grid, size[::-1], interpolation=cv2.INTER_LINEAR
    )


def test_one_channel_is_a_probability_already_and_two_are_raw():
    two = logits(2, 3, 4)['data']
    expected = expit((two[1] - two[0]).numpy())
    np.testing.assert_allclose(lesion_probability(two), expected, rtol=1e-5)
    one = torch.rand(1, 3, 4)
    assert torch.equal(lesion_probability(one), one[0])
    assert lesion_probability(one.half()).dtype == torch.float32


@pytest.mark.parametrize(
    ('size', 'way'), [((4, 6), NETWORK), ((6, 4), MASKS), ((8, 12), MASKS), ((4, 5), MASKS)]
)
def test_the_way_is_the_networks_on_its_own_grid_only(size, way):
    sample = {'seg_logits': logits(2, 8, 12), 'input_logits': logits(2, 4, 6)}
    assert prediction_origin(sample, size) == way
    assert prediction_origin({'seg_logits': sample['seg_logits']}, size) == MASKS
    found = probability_on(sample, size)
    assert tuple(found.shape) == size
    if way == NETWORK:
        assert torch.equal(found, lesion_probability(sample['input_logits']['data']))
    else:
        masks = lesion_probability(sample['seg_logits']['data'])
        np.testing.assert_allclose(found, resized(masks, size), atol=1e-5)


@pytest.mark.parametrize('size', [(4, 6), (16, 10)])
@pytest.mark.parametrize('several', [False, True])
def test_candidates_come_to_the_grid_as_the_kept_mask_does(size, several):
    """The last one is the best of each object, where there are several objects."""
    sample = {'seg_logits': logits(2, 8, 5), 'candidates': logits(3, 8, 5)}
    sample |= {'input_logits': logits(2, 4, 6), 'input_candidates': logits(3, 4, 6)}
    if several:
        sample |= {'best_of_each': logits(1, 8, 5), 'input_best_of_each': logits(1, 4, 6)}
    found = candidates_on(sample, size)
    assert tuple(found.shape) == (3 + several, *size)
    start = 'input_' if size == (4, 6) else ''
    given = [
        sample[f'{start}{name}']['data'] for name in ('candidates', 'best_of_each')[: 1 + several]
    ]
    for mask, raw in zip(found, torch.cat(given), strict=True):
        expected = expit(raw.numpy())
        if not start:
            expected = resized(expected, size)
        np.testing.assert_allclose(mask, expected, atol=1e-5)
