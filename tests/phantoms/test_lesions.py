"""Lesions of phantoms: outlines, sizes, brightness."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_fill_holes, label

from mmseg_mammo.phantoms.lesions import (
    FILM_ROWS,
    draw_dot,
    draw_island,
    draw_lesion,
    draw_node,
    draw_sides,
)
from mmseg_mammo.phantoms.mammogram import KINDS


def box_sides(mask):
    return np.flatnonzero(mask.any(axis=1)).size, np.flatnonzero(mask.any(axis=0)).size


# Median and 5-95 % range of box sides in pixels of real films, 4,800 rows high.
@pytest.mark.parametrize(
    ('kind', 'median', 'low', 'high'),
    [('mass', 297, 153, 576), ('calcification', 282, 73, 1262)],
)
def test_lesion_boxes_have_the_sizes_of_cbis_ddsm(kind, median, low, high):
    rng = np.random.default_rng(0)
    sides = np.array([draw_sides(rng, kind, FILM_ROWS) for _ in range(4000)])
    assert np.median(sides) == pytest.approx(median, rel=0.05)
    assert np.percentile(sides, 5) == pytest.approx(low, rel=0.15)
    assert np.percentile(sides, 95) == pytest.approx(high, rel=0.15)


def test_lesion_sizes_follow_the_height_of_the_image():
    rng = np.random.default_rng(1)
    sides = np.median([draw_sides(rng, 'mass', 480) for _ in range(2000)])
    assert sides == pytest.approx(29.7, rel=0.05)


@pytest.mark.parametrize('kind', KINDS)
def test_an_outline_fills_the_box_that_was_asked_for(kind):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        profile, mask = draw_lesion(rng, kind, 'malignant', (40.0, 26.0), 1000)
        assert box_sides(mask) == (40, 26)
        assert profile.shape == mask.shape
        assert profile[mask].mean() > 2 * profile[~mask].mean()


@pytest.mark.parametrize('kind', ['mass', 'calcification'])
def test_the_same_generator_draws_the_same_lesion_and_another_another(kind):
    one, again, other = (
        draw_lesion(np.random.default_rng(seed), kind, 'benign', (30.0, 30.0), 1000)
        for seed in (0, 0, 1)
    )
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert (one[1] != other[1]).any()


def roughness(pathology):
    """Perimeter² over area of masses, against that of a disc."""
    found = []
    for seed in range(30):
        generator = np.random.default_rng(seed)
        mask = draw_lesion(generator, 'mass', pathology, (80.0, 80.0), 1000)[1]
        (outline,), _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        found.append(cv2.arcLength(outline, True) ** 2 / (4 * np.pi * mask.sum()))
    return np.mean(found)


def test_malignant_masses_are_more_irregular_and_spiculated_outside_of_their_outline():
    assert roughness('malignant') > 1.1 * roughness('benign') > 1.1
    light = {}
    for pathology in ('malignant', 'benign'):
        outside = []
        for seed in range(20):
            generator = np.random.default_rng(seed)
            profile, mask = draw_lesion(generator, 'mass', pathology, (60.0, 60.0), 4000)
            outside.append(profile[~binary_dilation(mask, iterations=12)].max())
        light[pathology] = np.array(outside)
    assert light['benign'].max() < 0.25
    assert np.mean(light['malignant'] > 0.25) == pytest.approx(0.7, abs=0.25)


def test_calcifications_are_bright_spots_of_a_few_pixels_inside_their_outline():
    for seed in range(10):
        generator = np.random.default_rng(seed)
        profile, mask = draw_lesion(generator, 'calcification', 'malignant', (90.0, 120.0), 2400)
        spots, count = label(profile > 0.6)
        assert 4 <= count <= 60
        sizes = np.bincount(spots.ravel())[1:]
        assert np.median(sizes) < 0.01 * mask.sum()
        assert binary_dilation(mask, iterations=5)[profile > 0.6].all()


def test_an_island_is_a_soft_spot_of_at_most_full_brightness():
    for seed in range(10):
        island = draw_island(np.random.default_rng(seed), (40.0, 20.0))
        assert island.dtype == np.float32
        assert 0 <= island.min() <= island[0].max() < 0.01  # nothing at the edge of its patch
        assert 0.3 < island.max() <= 1
        assert label(island > 0.5 * island.max())[1] == 1
        wide = draw_island(np.random.default_rng(seed), (40.0, 20.0), blur=0.4)
        assert np.abs(np.diff(wide)).max() < np.abs(np.diff(island)).max()


def test_a_lymph_node_is_an_oval_with_a_dark_hilum_inside():
    for seed in range(10):
        node = draw_node(np.random.default_rng(seed), (60.0, 40.0))
        filled = binary_fill_holes(node > 0.5)
        assert box_sides(filled) == pytest.approx((60, 40), abs=6)
        height, width = node.shape
        hilum = node[height // 2 - 2 : height // 2 + 3, int(width * 0.44)].mean()
        assert hilum < 0.5 < node.max() <= 1.01
        assert node.min() > -0.25


def test_a_dot_is_round_bright_in_its_middle_and_grows_with_the_image():
    """Of images as large as they are drawn: a dot of theirs fits into its patch."""
    sums = []
    for height in (240, 960):
        dots = [draw_dot(np.random.default_rng(seed), height) for seed in range(20)]
        for dot in dots:
            assert (dot.shape, dot.dtype) == ((9, 9), np.float32)
            assert dot.max() == pytest.approx(dot[4:6, 4:6].max())
            assert 0 < dot.max() <= 1.001
            assert dot[0].max() < 0.1
        sums.append(np.mean([dot.sum() for dot in dots]))
    assert sums[1] > 3 * sums[0]
