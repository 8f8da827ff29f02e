import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from mmseg_mammo.evaluation.surface import hausdorff95_mm, surface_agreement


def monais_mm(predicted, truth, pixel_size):
    one, other = (torch.from_numpy(mask)[None, None] for mask in (predicted, truth))
    return compute_hausdorff_distance(
        one, other, include_background=True, percentile=95, spacing=pixel_size
    ).item()


def monais(predicted, truth, tolerance):
    one, other = (torch.from_numpy(mask)[None, None] for mask in (predicted, truth))
    hausdorff = compute_hausdorff_distance(one, other, include_background=True, percentile=95)
    dice = compute_surface_dice(one, other, [tolerance], include_background=True)
    return hausdorff.item(), dice.item()


def random_masks(rng, shape):
    """Noise, blobs that touch the border, and single pixels; both masks share one at least."""
    yield rng.random((2, *shape)) > 0.7
    rows, columns = np.indices(shape)
    for _ in range(3):
        places = rng.random((2, 2)) * shape
        radii = rng.integers(1, 15, 2)
        blobs = np.stack(
            [np.hypot(rows - y, columns - x) < r for (y, x), r in zip(places, radii, strict=True)]
        )
        blobs[1] |= blobs[0] & (rows + columns == np.argwhere(blobs[0])[0].sum())
        yield blobs
    single = np.zeros(shape, bool)
    single[tuple(rng.integers(0, shape))] = True
    yield np.stack([single, single])
    yield np.stack([single, np.ones(shape, bool)])


@pytest.mark.parametrize('seed', range(4))
def test_masks_with_lesion_agree_with_monai(seed):
    shape, tolerance = (40, 56), 0.04
    for predicted, truth in random_masks(np.random.default_rng(seed), shape):
        assert (predicted & truth).any()
        expected = monais(predicted, truth, tolerance * np.hypot(*shape))
        assert surface_agreement(predicted, truth, tolerance) == pytest.approx(expected, rel=1e-5)


def squares(*corners, shape=(60, 80)):
    masks = np.zeros((len(corners), *shape), bool)
    for mask, (top, left) in zip(masks, corners, strict=True):
        mask[top : top + 4, left : left + 4] = True
    return masks


def test_a_square_moved_sideways_by_hand():
    """Moved by three: outlines of 12 pixels each, 4 at distance 3, 2 at 2, 2 at 1, and 4 at 0."""
    hausdorff, dice = surface_agreement(*squares((20, 20), (20, 23)), tolerance=0.02)
    distances = [3] * 4 + [2] * 2 + [1] * 2 + [0] * 4
    assert hausdorff == pytest.approx(np.percentile(distances, 95)) == 3
    assert dice == pytest.approx(8 / 12)  # the diagonal is 100: up to 2 pixels


def test_one_far_speck_outweighs_neither_figure():
    truth = np.zeros((60, 80), bool)
    truth[10:50, 10:60] = True
    predicted = truth.copy()
    predicted[59, 79] = True
    hausdorff, dice = surface_agreement(predicted, truth)
    assert hausdorff == 0
    assert dice == pytest.approx(1 - 1 / (2 * 176 + 1))


def test_equal_masks_are_perfect_and_both_directions_count():
    small, large = squares((20, 20), (40, 40))
    large |= small
    assert surface_agreement(small, small) == (0, 1)
    assert surface_agreement(small, large) == surface_agreement(large, small)
    assert surface_agreement(small, large)[0] > 20


def test_a_missed_lesion_and_a_false_alarm_are_as_bad_as_anything_can_be():
    """The diagonal of 60 × 80 pixels is 100."""
    empty, lesion = np.zeros((60, 80), bool), squares((20, 20))[0]
    assert surface_agreement(empty, lesion) == (100, 0)
    assert surface_agreement(lesion, empty) == (100, 0)


def test_a_false_alarm_beside_a_missed_lesion_is_no_better_than_silence():
    for alarm in squares((50, 70), (20, 24)):  # far away, and touching
        assert surface_agreement(alarm, squares((20, 20))[0]) == (100, 0)
    assert surface_agreement(*squares((20, 20), (23, 23)))[0] < 100  # one common pixel


def test_an_empty_prediction_of_a_normal_image_is_perfect():
    empty = np.zeros((60, 80), bool)
    assert surface_agreement(empty, empty) == (0, 1)


def test_the_tolerance_is_a_share_of_the_diagonal():
    """A square of a hundred off by one, and the same drawn twice as large, off by two."""
    for scale in (1, 2):
        masks = np.zeros((2, 240 * scale, 180 * scale), bool)  # diagonal 300
        for mask, shift in zip(masks, (0, scale), strict=True):
            mask[50 * scale : 150 * scale, 50 * scale + shift : 150 * scale + shift] = True
        assert surface_agreement(*masks)[1] == 1
        assert surface_agreement(*masks, tolerance=0.003)[1] < 0.9


@pytest.mark.parametrize('pixel_size', [(0.07, 0.07), (0.2, 0.05), (0.05, 1.1)])
def test_millimetres_agree_with_monai_also_where_pixels_are_not_square(pixel_size):
    for predicted, truth in random_masks(np.random.default_rng(5), (40, 56)):
        expected = monais_mm(predicted, truth, pixel_size)
        assert hausdorff95_mm(predicted, truth, pixel_size) == pytest.approx(expected, rel=1e-5)


def test_millimetres_of_square_pixels_are_pixels_times_their_side():
    masks = squares((20, 20), (22, 23))
    assert hausdorff95_mm(*masks, (0.1, 0.1)) == pytest.approx(0.1 * surface_agreement(*masks)[0])


def test_the_diagonal_in_mm_stands_for_a_missed_lesion_and_nothing_for_nothing():
    empty, lesion = np.zeros((60, 80), bool), squares((20, 20))[0]
    assert hausdorff95_mm(empty, lesion, (4.0, 2.25)) == pytest.approx(300)  # 240 × 180 mm
    assert hausdorff95_mm(empty, empty, (4.0, 2.25)) == 0


def test_an_unknown_spacing_gives_no_millimetres():
    assert np.isnan(hausdorff95_mm(*squares((20, 20), (22, 23)), None))
