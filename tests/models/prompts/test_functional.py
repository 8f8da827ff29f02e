"""Places in masks, against hand-drawn masks and distances found by trying every pixel."""

import numpy as np
import pytest
import torch

from mmseg_mammo.models.prompts.functional import (
    error_points,
    innermost_point,
    jittered_boxes,
    random_points,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def mask(height, width, *boxes):
    """Rectangles (x1, y1, x2, y2), both corners included."""
    drawn = torch.zeros(height, width, dtype=torch.bool)
    for x1, y1, x2, y2 in boxes:
        drawn[y1 : y2 + 1, x1 : x2 + 1] = True
    return drawn


def depth(shape, x, y):
    """Distance of a pixel to the closest pixel that is not of the mask or not of the image."""
    padded = np.pad(shape, 1)
    outside = np.argwhere(~padded) - 1
    return np.sqrt(((outside - (y, x)) ** 2).sum(axis=1)).min()


def test_random_points_are_pixels_of_their_own_mask_and_reach_all_of_it():
    masks = torch.stack([mask(6, 9, (7, 1, 8, 2)), mask(6, 9, (0, 5, 0, 5))])
    points = random_points(masks, 200, seeded())
    assert points.dtype == torch.float32
    assert set(map(tuple, points[0].tolist())) == {(7, 1), (8, 1), (7, 2), (8, 2)}
    assert set(map(tuple, points[1].tolist())) == {(0, 5)}


def test_every_pixel_is_as_likely_as_another():
    """Three pixels, two of them in one row: a third each, not a half for the lone one."""
    points = random_points(mask(4, 4, (0, 0, 1, 0), (3, 3, 3, 3))[None], 3000, seeded())
    assert (points[0, :, 1] == 3).float().mean().item() == pytest.approx(1 / 3, abs=0.03)


def test_points_of_an_empty_mask_come_from_the_whole_image():
    points = random_points(mask(2, 3)[None], 300, seeded())
    assert len(set(map(tuple, points[0].tolist()))) == 6
    assert points[0].amax(0).tolist() == [2, 1]


def test_a_seed_gives_the_same_points_and_another_seed_others():
    masks = mask(40, 40, (3, 3, 35, 30))[None]
    first = random_points(masks, 5, seeded())
    assert torch.equal(first, random_points(masks, 5, seeded()))
    assert not torch.equal(first, random_points(masks, 5, seeded(1)))


def test_the_innermost_pixel_of_an_odd_square_is_its_middle():
    assert innermost_point(mask(12, 20, (5, 2, 11, 8)).numpy()) == (8, 5)


def test_the_innermost_pixel_is_in_the_mask_where_the_centroid_is_not():
    """A C: its centroid lies in the gap."""
    c_shape = mask(15, 15, (2, 2, 4, 12), (2, 2, 12, 4), (2, 10, 12, 12)).numpy()
    x, y = innermost_point(c_shape)
    assert c_shape[int(y), int(x)]


def test_of_a_long_rectangle_the_middle_of_its_middle_line_is_taken():
    """3 × 11 pixels: nine of the middle row are equally deep."""
    assert innermost_point(mask(9, 20, (4, 3, 14, 5)).numpy()) == (9, 4)


def test_the_border_of_the_image_is_a_border_of_the_lesion():
    """Rows 0 to 4 at the upper edge: without that border the point would be on row 0."""
    assert innermost_point(mask(12, 12, (3, 0, 8, 4)).numpy())[1] == 2
    assert innermost_point(np.ones((7, 9), bool)) == (4, 3)


def test_the_larger_of_two_lesions_gets_the_point():
    assert innermost_point(mask(20, 20, (0, 0, 2, 2), (10, 10, 18, 18)).numpy()) == (14, 14)


def test_an_empty_mask_gives_the_centre_of_the_image():
    """Between the two middle columns of an even width."""
    assert innermost_point(np.zeros((5, 8), bool)) == (3.5, 2)


def test_no_pixel_of_a_random_mask_is_deeper_than_the_innermost():
    rng = np.random.default_rng(0)
    for _ in range(5):
        shape = rng.random((9, 11)) > 0.3
        x, y = innermost_point(shape)
        deepest = max(depth(shape, column, row) for row, column in np.argwhere(shape))
        assert depth(shape, int(x), int(y)) == pytest.approx(deepest)


def test_without_jitter_a_box_is_that_of_the_mask():
    masks = torch.stack([mask(10, 12, (3, 2, 6, 8), (5, 1, 5, 1)), mask(10, 12)])
    assert jittered_boxes(masks, 0, 20).tolist() == [[3, 1, 6, 8], [0, 0, 11, 9]]


def test_the_noise_of_a_box_is_a_share_of_its_side_in_that_direction():
    """A lesion of 20 × 60 px far from every border: deviations of 2 and 6 px."""
    masks = mask(200, 200, (100, 80, 119, 139))[None].expand(400, -1, -1)
    noise = jittered_boxes(masks, 0.1, 1000, seeded()) - torch.tensor([100, 80, 119, 139])
    assert noise.std(0).tolist() == pytest.approx([2, 6, 2, 6], rel=0.15)
    assert noise.mean(0).abs().max() < 1


def test_the_noise_of_a_box_ends_at_its_limit_and_at_the_border_of_the_image():
    masks = mask(60, 60, (2, 20, 41, 39))[None].expand(300, -1, -1)
    boxes = jittered_boxes(masks, 0.5, 4, seeded())
    assert boxes[:, 0].min() == 0
    assert (boxes[:, 1].min(), boxes[:, 1].max()) == (16, 24)
    whole = jittered_boxes(masks, 5, 1000, seeded())
    assert whole.min() == 0
    assert whole.max() == 59


def test_the_box_of_a_tiny_lesion_moves_by_parts_of_a_pixel():
    """Three pixels in a row: deviations of 0.3 and 0.1 px, and the lesion stays in sight."""
    masks = mask(60, 60, (20, 30, 22, 30))[None].expand(400, -1, -1)
    boxes = jittered_boxes(masks, 0.1, 20, seeded())
    noise = boxes - torch.tensor([20, 30, 22, 30])
    assert noise[:, ::2].std(0).tolist() == pytest.approx([0.3, 0.3], rel=0.15)
    # Of two equal rows the smaller is the upper one: ± 0.1 / √π apart on average.
    assert noise[:, 1::2].mean(0).tolist() == pytest.approx([-0.0564, 0.0564], abs=0.015)
    assert (boxes[:, :2] <= boxes[:, 2:]).all()
    assert noise.abs().max() < 2


def test_a_box_never_turns_over():
    boxes = jittered_boxes(
        mask(60, 60, (20, 20, 30, 30))[None].expand(200, -1, -1), 2, 50, seeded()
    )
    assert (boxes[:, :2] <= boxes[:, 2:]).all()


def test_an_empty_mask_does_not_change_the_noise_of_the_others():
    lesion = mask(60, 60, (20, 20, 40, 40))
    boxes = [
        jittered_boxes(torch.stack([first, lesion]), 0.1, 20, seeded())
        for first in (mask(60, 60), lesion)
    ]
    assert torch.equal(boxes[0][1], boxes[1][1])
    assert boxes[0][0].tolist() == [0, 0, 59, 59]


def test_a_missed_pixel_gets_a_positive_click_and_a_false_alarm_a_negative_one():
    truth = torch.stack([mask(8, 8, (2, 2, 4, 4)), mask(8, 8, (2, 2, 4, 4))])
    predicted = torch.stack([mask(8, 8, (2, 2, 4, 3)), mask(8, 8, (2, 2, 5, 4))])
    for seed in range(5):
        points, labels = error_points(truth, predicted, seeded(seed))
        assert labels.tolist() == [[1], [0]]
        assert points[0, 0, 1] == 4
        assert points[1, 0, 0] == 5


def test_clicks_are_shared_between_both_kinds_of_error_by_their_area():
    """Nine missed pixels, three false ones."""
    truth = mask(8, 8, (0, 0, 2, 2))[None].expand(2000, -1, -1)
    predicted = mask(8, 8, (5, 5, 7, 5))[None].expand(2000, -1, -1)
    _, labels = error_points(truth, predicted, seeded())
    assert labels.float().mean().item() == pytest.approx(9 / 12, abs=0.03)


def test_a_perfect_prediction_gets_no_click():
    truth = torch.stack([mask(8, 8, (2, 2, 4, 4)), mask(8, 8), mask(8, 8)])
    predicted = truth.clone()
    predicted[2, 7, 6] = True
    points, labels = error_points(truth, predicted, seeded())
    assert labels.tolist() == [[-1], [-1], [0]]
    assert points[:, 0].tolist() == [[0, 0], [0, 0], [6, 7]]
    assert (labels.dtype, points.dtype) == (torch.int64, torch.float32)
