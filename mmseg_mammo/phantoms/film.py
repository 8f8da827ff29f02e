"""Film marks: adds frame, cut corners, tape and a burnt-in label to a phantom."""

import cv2
import numpy as np


def add_film(rng: np.random.Generator, image: np.ndarray, laterality: str, view: str) -> np.ndarray:
    """Draw the marks of a scanned film, in the orientation of the final picture.

    Args:
        rng: Source of everything random.
        image: H×W float32, 0 … 1; not changed.
        laterality: ``LEFT`` (chest wall at the left border) or ``RIGHT``.
        view: ``CC`` or ``MLO``.

    Returns:
        H×W float32, 0 … 1.
    """
    left = laterality == 'LEFT'
    film = _label(rng, image, f'{laterality[0]}{view}', left)
    _tape(rng, film, left)
    _frame(rng, film, left)
    return film


def _label(rng: np.random.Generator, image: np.ndarray, text: str, left: bool) -> np.ndarray:
    """Lead letters in the outer upper corner, often tilted and partly off the film."""
    height, width = image.shape
    size = rng.uniform(0.035, 0.06) * height
    text = text if rng.random() < 0.8 else f'{text[0]} {text[1:]}'
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = size / 22
    thick = max(1, round(size / 9))
    (wide, tall), _ = cv2.getTextSize(text, font, scale, thick)
    stamp = np.zeros(image.shape, np.uint8)
    x = (
        width - wide - rng.uniform(-0.04, 0.06) * width
        if left
        else rng.uniform(-0.04, 0.06) * width
    )
    y = rng.uniform(0.05, 0.14) * height + tall
    cv2.putText(stamp, text, (int(x), int(y)), font, scale, 255, thick, cv2.LINE_AA)
    centre = (x + wide / 2, y - tall / 2)
    angle = rng.choice([0.0, rng.uniform(-50, 50)])
    turn = cv2.getRotationMatrix2D(centre, float(angle), 1.0)
    turned = cv2.warpAffine(stamp, turn, (width, height))
    return np.maximum(image, turned * np.float32(rng.uniform(0.3, 0.95) / 255))


def _tape(rng: np.random.Generator, film: np.ndarray, left: bool) -> None:
    """A strip of tape or a number plate at the upper or lower border."""
    height, width = film.shape
    if rng.random() < 0.3:
        long, tall = rng.uniform(0.08, 0.2) * width, rng.uniform(0.012, 0.04) * height
        x = rng.uniform(0.45, 0.85) * width
        x = x if left else width - x - long
        y = rng.choice([0.0, height - tall])
        cv2.rectangle(
            film, (int(x), int(y)), (int(x + long), int(y + tall)), rng.uniform(0.5, 1.0), -1
        )
    if rng.random() < 0.5:  # patient number, cut by the border
        text, digits = str(rng.integers(10, 100)), np.zeros(film.shape, np.uint8)
        place = (int(rng.uniform(0.3, 0.7) * width), height + max(1, int(0.003 * height)))
        cv2.putText(
            digits, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.001 * height, 230,
            max(1, round(0.002 * height)), cv2.LINE_AA,
        )  # fmt: skip
        np.maximum(film, digits / np.float32(255), out=film)
    if rng.random() < 0.1:  # a scratch
        start = rng.random(2) * (width, height)
        end = start + rng.uniform(-0.1, 0.1, 2) * height
        cv2.line(film, start.astype(int).tolist(), end.astype(int).tolist(), 0.45, 1)


def _frame(rng: np.random.Generator, film: np.ndarray, left: bool) -> None:
    """White where the scanner looked past the film: borders, askew, and rounded corners."""
    height, width = film.shape
    frame = np.ones(film.shape, np.uint8)
    inset = np.zeros(4)  # left, top, right, bottom
    inset[0 if left else 2] = rng.choice([0.0, rng.uniform(0.004, 0.015)], p=[0.35, 0.65])
    inset[2 if left else 0] = rng.choice([0.0, rng.uniform(0.002, 0.008)], p=[0.75, 0.25])
    inset[[1, 3]] = rng.choice([0.0, 1.0], 2) * rng.uniform(0.003, 0.014, 2)
    x0, y0 = inset[0] * width, inset[1] * height
    x1, y1 = width - 1 - inset[2] * width, height - 1 - inset[3] * height
    skew = rng.uniform(-0.004, 0.004) * height * (inset > 0)
    corners = np.array(
        [[x0 + skew[0], y0], [x1, y0 + skew[1]], [x1 - skew[2], y1], [x0, y1 - skew[3]]]
    )
    cut = rng.uniform(0, 0.03, 4) * height * (rng.random(4) < 0.6)
    outline = []
    for corner in range(4):
        for other in (corner - 1, (corner + 1) % 4):
            towards = corners[other] - corners[corner]
            outline.append(corners[corner] + towards / np.linalg.norm(towards) * cut[corner])
    cv2.fillPoly(frame, [np.rint(np.array(outline) * 16).astype(np.int32)], 0, shift=4)
    film[frame > 0] = 1.0
