import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shapes.drawing import Drawing, Runs, draw, fault_of_box, fault_of_polygon

SHAPE = (40, 30)


def polygon(*points, shape=None):
    return Drawing('here', polygons=(points,), shape=shape)


def star(seed, corners=12):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(2, 12, corners)
    return np.stack([15 + radius * np.cos(angles), 20 + radius * np.sin(angles)], axis=1)


def test_a_pixel_is_inside_where_its_centre_is():
    """By hand: of a triangle of three pixels' legs, the centres on and below the diagonal."""
    mask = draw(polygon((2, 1), (5, 4), (2, 4)), (5, 6))
    expected = np.zeros((5, 6), bool)
    expected[2, 2:3] = expected[3, 2:4] = expected[1, 2:2] = True
    # The centres (2.5, 1.5), (3.5, 2.5) and (4.5, 3.5) lie on the edge, and an edge to the right
    # is outside, so that neighbours share no pixel.
    np.testing.assert_array_equal(mask, expected)


def test_neighbours_with_a_common_edge_share_no_pixel_and_leave_none():
    cut = (11.3, 2.0), (17.8, 36.5)
    left = draw(polygon((3, 2), *cut, (3, 36.5)), SHAPE)
    right = draw(polygon(cut[0], (25, 2), (25, 36.5), cut[1]), SHAPE)
    whole = draw(polygon((3, 2), (25, 2), (25, 36.5), (3, 36.5)), SHAPE)
    assert not (left & right).any()
    np.testing.assert_array_equal(left | right, whole)


@pytest.mark.parametrize('seed', range(5))
def test_openCV_says_the_same_of_every_centre(seed):
    points = star(seed)
    mask = draw(polygon(*map(tuple, points)), SHAPE)
    outline = points.astype(np.float32)
    inside = [
        [cv2.pointPolygonTest(outline, (c + 0.5, r + 0.5), False) > 0 for c in range(SHAPE[1])]
        for r in range(SHAPE[0])
    ]
    np.testing.assert_array_equal(mask, inside)


def test_what_reaches_a_little_beyond_the_image_is_cut_off():
    mask = draw(Drawing('here', boxes=((-0.5, 38, 3, 41),)), SHAPE)
    assert (mask.sum(), mask[38:, :3].all()) == (6, True)


def test_shapes_add_up_and_runs_go_down_the_columns():
    runs = Runs((4, 3), (5, 2, 5))
    mask = draw(Drawing('here', boxes=((0, 0, 1, 1),), runs=(runs,)), (4, 3))
    assert [*zip(*np.nonzero(mask), strict=True)] == [(0, 0), (1, 1), (2, 1)]


def test_a_drawing_on_a_copy_of_another_size_is_scaled_before_it_becomes_pixels():
    large = draw(Drawing('here', boxes=((2, 4, 5.5, 8),), shape=(20, 15)), SHAPE)
    np.testing.assert_array_equal(large, draw(Drawing('here', boxes=((4, 8, 11, 16),)), SHAPE))


@pytest.mark.parametrize(
    ('drawing', 'said'),
    [
        (Drawing('here', boxes=((5, 5, 35, 9),)), 'here: a shape from x=5, y=5 to x=35, y=9 on an'),
        (Drawing('here', boxes=((-3, 5, 9, 9),)), 'on an image of width 30 and height 40'),
        (polygon((0.1, 0.1), (0.3, 0.1), (0.2, 0.4)), 'Fractions of the image'),
        (polygon((5.6, 5), (5.9, 5), (5.9, 9)), 'covers the centre of no pixel'),
        (polygon((5, 5), (9, 5), (9, 9), shape=(30, 40)), r'30×40 .* its image is 40×30'),
        (Drawing('here', runs=(Runs((40, 30), (7,)),)), 'runs of 7 pixels for 40×30'),
    ],
)
def test_what_cannot_lie_on_the_image_is_refused(drawing, said):
    with pytest.raises(MammoError, match=said):
        draw(drawing, SHAPE)


def test_faults_of_geometry_are_told_without_the_image():
    assert fault_of_box((1, 1, 2, 2)) == fault_of_polygon(((0, 0), (1, 0), (1, 1))) == ''
    assert 'holds nothing' in fault_of_box((2, 1, 2, 5))
    assert 'something else than numbers' in fault_of_box((1, 1, float('nan'), 2))
    assert '2 corners' in fault_of_polygon(((0, 0), (1, 0)))
    assert 'without any area' in fault_of_polygon(((0, 0), (1, 0), (5, 0)))
    assert 'something else' in fault_of_polygon(((0, 0), (1, 0), (1, float('inf'))))


def test_a_drawing_tells_what_it_is():
    drawing = Drawing('a.json: x.png', boxes=((0, 0, 1, 1),), polygons=(((0, 0), (1, 0), (1, 1)),))
    assert str(drawing) == 'a.json: x.png (boxes: 1, polygons: 1)'
    assert drawing.weak
    assert not polygon((0, 0), (1, 0), (1, 1)).weak
