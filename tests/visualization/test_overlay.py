import numpy as np

from mmseg_mammo.visualization.overlay import (
    PREDICTION_COLOUR,
    TRUTH_COLOUR,
    draw_grid,
    draw_panels,
    mark_mask,
)

HEIGHT, WIDTH = 100, 60


def panels(truth, predicted):
    image = np.full((200, 120), 3000, np.uint16)
    image[:100] = 500
    picture = draw_panels(image, truth, predicted, 'title', height=HEIGHT)
    assert picture.dtype == np.uint8
    assert picture.shape == (HEIGHT + 44, 3 * WIDTH, 3)
    return [picture[44:, start : start + WIDTH] for start in (0, WIDTH, 2 * WIDTH)]


def test_each_mask_is_marked_in_its_own_panel_and_the_image_stays_plain():
    truth, predicted = np.zeros((2, 200, 120), bool)
    truth[120:160, 20:60] = True
    predicted[40:80, 40:80] = True
    plain, true, found = panels(truth, predicted)
    assert (np.ptp(plain.astype(int), axis=2) == 0).all()
    assert (true[61, 15] == TRUTH_COLOUR).all()  # on the outline
    assert (found[21, 30] == PREDICTION_COLOUR).all()
    assert (true[21, 30] == plain[21, 30]).all()
    assert (found[70, 20] == plain[70, 20]).all()


def test_16_bit_images_fill_the_grey_levels():
    plain = panels(*np.zeros((2, 200, 120), bool))[0]
    assert plain[0, 0].max() == 0
    assert plain[-1, -1].min() == 255


def test_empty_masks_leave_all_panels_alike():
    plain, true, found = panels(*np.zeros((2, 200, 120), bool))
    assert (plain == true).all()
    assert (plain == found).all()


def test_a_grid_fits_each_picture_into_a_white_tile_of_its_column():
    wide, tall = np.full((10, 40, 3), 7, np.uint8), np.full((40, 10, 3), 9, np.uint8)
    grid = draw_grid([[wide, tall], [tall, tall]], width=20, height=16)
    assert (grid.shape, grid.dtype) == ((2 * 26, 2 * 30, 3), np.uint8)
    first, below, right = grid[:26, :30], grid[26:, :30], grid[:26, 30:]
    for tile, value, (height, width) in ((first, 7, (5, 20)), (below, 9, (16, 4))):
        assert (tile[5 : 5 + height, 5 : 5 + width] == value).all()
        assert (tile != 255).all(axis=2).sum() == height * width
    np.testing.assert_array_equal(right, below)


def test_a_mask_is_tinted_by_a_third_and_outlined_as_wide_as_asked():
    picture = np.full((40, 40, 3), 100, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    thin, wide = (mark_mask(picture, mask, (0, 200, 50), width) for width in (1, 3))
    assert thin[20, 20].tolist() == wide[20, 20].tolist() == [65, 135, 82]
    outlined = [(marked == (0, 200, 50)).all(axis=2).sum() for marked in (thin, wide)]
    assert outlined[0] == 4 * 19
    assert outlined[1] > 2 * outlined[0]
    assert (picture == 100).all()
    assert (thin[~mask] == 100).all()
