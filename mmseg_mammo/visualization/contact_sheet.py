"""Contact sheets: many small mammograms on a page, masks outlined, each with lines of text."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_mammo.visualization.overlay import TRUTH_COLOUR

PICTURE = 240  # pixels of the longer side of a picture
BREAST_COLOUR = (233, 180, 86)  # Okabe and Ito's sky blue, as BGR
WARNING_COLOUR = (0, 94, 213)  # vermilion
_LINE, _MARGIN, _LETTER = 14, 6, 6.2  # pixels: of a line, around a tile, of a letter's width
_FONT, _SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.36


@dataclass(frozen=True)
class Tile:
    """One image on a sheet.

    Attributes:
        picture: H×W uint8.
        mask: H×W bool, outlined; None where there is none.
        breast: H×W bool, outlined thinly; None where it is not shown.
        lines: Text below it.
        warnings: Text below that, in another colour.
        colour: Of the outline of the mask, as BGR.
    """

    picture: np.ndarray
    mask: np.ndarray | None = None
    breast: np.ndarray | None = None
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    colour: tuple[int, int, int] = TRUTH_COLOUR


def draw_sheet(tiles: Sequence[Tile], columns: int, text_lines: int = 5) -> np.ndarray:
    """Draw tiles in rows, from left to right.

    Args:
        tiles: At least one. Their pictures are at most :data:`PICTURE` pixels on the longer side.
        columns: Tiles of a row.
        text_lines: Lines below a picture for which there is room; what is longer is cut.

    Returns:
        H×W×3 uint8 BGR.
    """
    drawn = [_draw(tile, text_lines) for tile in tiles]
    drawn += [np.full_like(drawn[0], 255)] * (-len(drawn) % columns)
    rows = [np.hstack(drawn[start : start + columns]) for start in range(0, len(drawn), columns)]
    return np.vstack(rows)


def _draw(tile: Tile, text_lines: int) -> np.ndarray:
    width = PICTURE + 2 * _MARGIN
    canvas = np.full((width + text_lines * _LINE + _MARGIN, width, 3), 255, np.uint8)
    picture = cv2.cvtColor(tile.picture, cv2.COLOR_GRAY2BGR)
    for mask, colour in ((tile.breast, BREAST_COLOUR), (tile.mask, tile.colour)):
        if mask is not None:
            found = cv2.findContours(
                mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )[0]
            cv2.drawContours(picture, found, -1, colour, 1)
    height, wide = picture.shape[:2]
    left = _MARGIN + (PICTURE - wide) // 2
    canvas[_MARGIN : _MARGIN + height, left : left + wide] = picture
    texts = [(line, (0, 0, 0)) for text in tile.lines for line in _wrap(text)]
    texts += [(line, WARNING_COLOUR) for text in tile.warnings for line in _wrap(text)]
    for number, (text, colour) in enumerate(texts[:text_lines]):
        place = (_MARGIN, width + 4 + number * _LINE)
        cv2.putText(canvas, text, place, _FONT, _SCALE, colour, 1, cv2.LINE_AA)
    return canvas


def _wrap(text: str) -> list[str]:
    """Lines that fit a tile; letters that OpenCV does not have become question marks."""
    most = int(PICTURE / _LETTER)
    plain = text.replace('×', 'x').encode('ascii', 'replace').decode()
    lines = ['']
    for word in plain.split(' '):
        while len(word) > most:  # a path
            lines += [word[:most]] if not lines[-1] else []
            if lines[-1] != word[:most]:
                lines.append(word[:most])
            word = word[most:]
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f'{lines[-1]} {word}'.strip() if lines[-1] else word
    return [line for line in lines if line]
