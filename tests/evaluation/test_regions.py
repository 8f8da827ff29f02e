import contourpy
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist

from mmseg_mammo.evaluation.regions import (
    find_detections,
    find_lesions,
    find_regions,
    longest_diameter,
)

EIGHT = np.ones((3, 3), int)


def drawn(*rows):
    """A mask from rows of text: ``#`` is lesion."""
    return np.array([[mark == '#' for mark in row] for row in rows])


@pytest.mark.parametrize('share', [0.0, 0.02, 0.3, 1.0])
def test_regions_agree_with_scipy(share):
    mask = np.random.default_rng(1).random((30, 47)) < share
    found = find_regions(mask)
    labels, count = ndimage.label(mask, EIGHT)
    assert len(found) == count
    numbers = np.arange(1, count + 1)
    # SciPy numbers by columns of a row as well, but not always alike: compare by first pixel.
    order = [labels[found.labels == number][0] - 1 for number in numbers]
    assert sorted(order) == [*range(count)]
    assert (found.pixels == ndimage.sum(mask, labels, numbers)[order]).all()
    centres = np.array(ndimage.center_of_mass(mask, labels, numbers)).reshape(-1, 2)
    assert found.centres == pytest.approx(centres[order][:, ::-1])
    boxes = [ndimage.find_objects(labels)[index] for index in order]
    expected = [(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in boxes]
    assert found.boxes.tolist() == [list(box) for box in expected]


def test_specks_are_no_lesions_but_the_largest_region_is_one():
    """Of 100 × 100 pixels, a share of 4e-4 is four."""
    truth = np.zeros((100, 100), bool)
    truth[0, :4] = truth[50, :5] = truth[90, :20] = True
    found = find_lesions(truth, speck=4e-4)
    assert found.pixels.tolist() == [5, 20]
    assert found.labels[[0, 50, 90], 0].tolist() == [0, 1, 2]
    truth[50:] = False
    assert find_lesions(truth, speck=4e-4).pixels.tolist() == [4]
    assert len(find_lesions(np.zeros((9, 9), bool))) == 0


def test_by_default_one_pixel_of_the_thesis_grid_is_a_speck():
    truth = np.zeros((224, 224), bool)
    truth[0, 0] = truth[9, 9:11] = truth[20, 20:30] = True
    assert find_lesions(truth).pixels.tolist() == [2, 10]


PROBABILITY = np.zeros((40, 40))
PROBABILITY[2:12, 2:12] = 0.2  # faint surroundings of two marked regions
PROBABILITY[3:5, 3:5] = 0.9
PROBABILITY[8:11, 8:11] = 0.6
PROBABILITY[20:30, 20:30] = 0.3  # below the threshold
PROBABILITY[25, 25] = 0.4
PROBABILITY[35, 35:40] = 0.05  # below the floor


def detect(probability=PROBABILITY, threshold=0.5, **options):
    return find_detections(probability, probability > threshold, **options)


def test_regions_of_the_mask_come_first_then_fainter_ones_that_hold_none():
    found, scores, marked = detect()
    assert marked == 2
    assert found.pixels.tolist() == [4, 9, 100]
    assert scores.tolist() == [0.9, 0.6, 0.4]
    assert [found.labels[place] for place in ((3, 3), (9, 9), (22, 22), (2, 2))] == [1, 2, 3, 0]


def test_a_score_above_the_threshold_always_belongs_to_the_mask():
    rng = np.random.default_rng(0)
    for speck in (0, 0.002, 0.01):
        probability = ndimage.gaussian_filter(rng.random((80, 60)), 2)
        probability = (probability - probability.min()) / np.ptp(probability)
        found, scores, marked = detect(probability, 0.6, floor=0.5, speck=speck)
        assert 0 < marked < len(found)
        assert (scores[:marked] > 0.6).all()
        assert (scores[marked:] <= 0.6).all()
        assert (scores > 0.5).all()
        assert (found.pixels > speck * probability.size).all()


def test_what_surrounds_a_marked_speck_is_fainter_than_the_threshold():
    probability = np.where(drawn('....', '.##.', '.##.'), 0.3, 0)
    probability[1, 1] = 0.9
    found, scores, marked = detect(probability, speck=1 / 12)
    assert (marked, scores.tolist(), found.pixels.tolist()) == (0, [0.3], [4])


def test_the_floor_decides_what_is_a_detection():
    assert len(detect(floor=0.35)[0]) == 3
    assert detect(floor=0.35)[0].pixels.tolist() == [4, 9, 1]
    assert len(detect(floor=0.01)[0]) == 4
    assert len(detect(floor=0.5)[0]) == 2


def test_a_model_that_marks_nothing_has_no_detection():
    found, scores, marked = detect(np.zeros((5, 5)))
    assert (len(found), len(scores), marked) == (0, 0, 0)


def by_brute_force(mask, pixel_size):
    """The largest distance between any two points of the contour that contourpy draws."""
    lines = contourpy.contour_generator(z=np.pad(mask, 1).astype(float)).lines(0.5)
    return pdist(np.concatenate(lines)[:, ::-1] * np.array(pixel_size)).max()


@pytest.mark.parametrize('pixel_size', [(1.0, 1.0), (0.07, 0.07), (0.2, 0.05), (0.05, 1.1)])
@pytest.mark.parametrize('seed', range(3))
def test_the_longest_diameter_is_that_of_the_contour(seed, pixel_size):
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random((50, 60)), 2)
    for mask in (noise > np.quantile(noise, 0.8), noise >= noise.max(), rng.random((9, 7)) > 0.5):
        expected = by_brute_force(mask, pixel_size)
        assert longest_diameter(mask, pixel_size) == pytest.approx(expected)


def test_the_longest_diameter_by_hand():
    assert longest_diameter(drawn('.#.'), (0.2, 0.3)) == pytest.approx(0.3)
    assert longest_diameter(drawn('####'), (0.2, 0.3)) == pytest.approx(1.2)
    assert longest_diameter(drawn('#', '#', '#'), (0.2, 0.3)) == pytest.approx(0.6)
    assert longest_diameter(drawn('...')) == 0
    disc = np.hypot(*np.indices((81, 81)) - 40) <= 30
    assert longest_diameter(disc) == pytest.approx(61, abs=0.2)


def test_components_of_two_kinds_are_numbered_one_after_the_other():
    grid = np.arange(12).reshape(3, 4)
    one, other = find_regions(grid % 4 == 0), find_regions((grid % 4 > 1) & (grid < 8))
    both = one.concatenate(other)
    assert both.labels.tolist() == [[1, 0, 2, 2], [1, 0, 2, 2], [1, 0, 0, 0]]
    assert both.labels.dtype == np.int32
    assert both.pixels.tolist() == [3, 4]
    assert one.concatenate(find_regions(grid < 0)).labels.tolist() == one.labels.tolist()
    assert one.labels.max() == 1  # neither is changed
