"""Contact sheets: where pictures lie, and what is drawn on them."""

import numpy as np

from mmseg_mammo.visualization.contact_sheet import (
    BREAST_COLOUR,
    PICTURE,
    Tile,
    draw_sheet,
)
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, TRUTH_COLOUR


def has(picture, colour):
    return (picture == colour).all(axis=2).any()


def reddish(picture):
    """Whether there are warnings; letters are blended with what they stand on."""
    return (picture[..., 2] > picture[..., 0].astype(int) + 100).any()


def test_tiles_fill_rows_and_what_is_left_is_white():
    tile = Tile(np.full((PICTURE, 100), 90, np.uint8))
    sheet = draw_sheet([tile] * 3, 2)
    height, width = sheet.shape[0] // 2, sheet.shape[1] // 2
    assert width == PICTURE + 12
    for row, column in ((0, 0), (0, 1), (1, 0)):
        assert (sheet[row * height + 100, column * width + width // 2] == 90).all()
    assert (sheet[height:, width:] == 255).all()


def test_outlines_and_warnings_have_colours_and_are_drawn_only_if_there_are_any():
    picture, mask = np.zeros((200, 150), np.uint8), np.zeros((200, 150), bool)
    mask[50:90, 40:80] = True
    plain = draw_sheet([Tile(picture, lines=('a.png',))], 1)
    assert not (has(plain, TRUTH_COLOUR) or has(plain, BREAST_COLOUR) or reddish(plain))
    whole = draw_sheet([Tile(picture, mask, ~mask, ('a.png',), ('black image',))], 1)
    assert has(whole, TRUTH_COLOUR)
    assert has(whole, BREAST_COLOUR)
    assert reddish(whole)
    assert picture.max() == 0  # not drawn upon


def test_text_that_is_too_long_stays_in_its_tile():
    tile = Tile(np.zeros((10, 10), np.uint8), lines=('x' * 500 + ' läsion ' * 50,))
    sheet = draw_sheet([tile, Tile(np.zeros((10, 10), np.uint8))], 2)
    assert (sheet[30:, sheet.shape[1] // 2 + 2 :] == 255).all()


def test_a_mask_has_the_colour_of_its_tile():
    picture, mask = np.zeros((200, 150), np.uint8), np.zeros((200, 150), bool)
    mask[50:90, 40:80] = True
    sheet = draw_sheet([Tile(picture, mask, colour=PREDICTION_COLOUR)], 1)
    assert has(sheet, PREDICTION_COLOUR)
    assert not has(sheet, TRUTH_COLOUR)
