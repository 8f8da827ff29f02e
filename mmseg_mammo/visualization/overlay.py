"""Overlay pictures: an image beside its true and its predicted mask."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_mammo.io.image import map_intensity, rescale_to_255

# Okabe and Ito's colour-blind safe palette, as BGR.
TRUTH_COLOUR = (115, 158, 0)  # bluish green
PREDICTION_COLOUR = (0, 94, 213)  # vermilion
_TITLE_HEIGHT = 44


def draw_panels(
    image: np.ndarray, truth: np.ndarray, predicted: np.ndarray, title: str, height: int = 512
) -> np.ndarray:
    """Draw three panels: the image, with the true outline, with the predicted area and outline.

    Args:
        image: H×W, uint8 or uint16.
        truth: H×W bool.
        predicted: H×W bool.
        title: A line of text above those that name the panels.
        height: Pixels of the panels; the width follows the aspect ratio.

    Returns:
        Height + 44 by three panel widths, uint8 BGR.
    """
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    plain = cv2.cvtColor(grey_picture(image, (height, width)), cv2.COLOR_GRAY2BGR)
    size = (width, height)
    panels = [plain]
    for mask, colour in ((truth, TRUTH_COLOUR), (predicted, PREDICTION_COLOUR)):
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
        panels.append(mark_mask(plain, small > 0, colour))
    picture = np.hstack(panels)
    bar = np.full((_TITLE_HEIGHT, picture.shape[1], 3), 255, np.uint8)
    labels = [
        f'{name}{"" if mask.any() else ": empty"}'
        for name, mask in (('truth', truth), ('prediction', predicted))
    ]
    lines = [(title, 0, 16), ('image', 0, 36), (labels[0], width, 36), (labels[1], 2 * width, 36)]
    for text, left, baseline in lines:
        place = (left + 6, baseline)
        cv2.putText(bar, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def grey_picture(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An H×W uint8 or uint16 image as (H', W') uint8, its darkest pixel black, its brightest white."""
    grey: np.ndarray = rescale_to_255(map_intensity(image, 'minmax')).astype(np.uint8)
    return cv2.resize(grey, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)


def mark_mask(
    picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], width: int = 2
) -> np.ndarray:
    """Tint the area of a mask in a picture and draw its outline.

    Args:
        picture: H×W×3 uint8.
        mask: H×W bool.
        colour: In the order of the picture's channels.
        width: Pixels of the outline.

    Returns:
        A new H×W×3 uint8 picture.
    """
    marked = picture.copy()
    marked[mask] = (0.65 * picture[mask] + 0.35 * np.array(colour)).astype(np.uint8)
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    return cv2.drawContours(marked, outlines, -1, colour, width)


def draw_grid(
    columns: Sequence[Sequence[np.ndarray]], width: int = 680, height: int = 400
) -> np.ndarray:
    """Place pictures in columns, each shrunk or enlarged into a white tile.

    Args:
        columns: Pictures, H×W×3 uint8; as many in each column.
        width: Pixels of a tile within its margin of 5 pixels.
        height: Likewise.

    Returns:
        rows · (height + 10) by columns · (width + 10), uint8 in the pictures' order of channels.
    """
    return np.hstack(
        [np.vstack([_tile(picture, width, height) for picture in column]) for column in columns]
    )


def _tile(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    scale = min(width / picture.shape[1], height / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((height + 10, width + 10, 3), 255, np.uint8)
    canvas[5 : 5 + small.shape[0], 5 : 5 + small.shape[1]] = small
    return canvas
