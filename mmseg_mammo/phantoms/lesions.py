"""Lesions and lesion-like structures of a phantom: masses, clusters, lymph nodes, single dots.

Each is drawn on a small patch and placed by the caller. Sizes follow CBIS-DDSM: median and
spread of the box sides on a film of 4,800 rows.
"""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

FILM_ROWS = 4800
# Median side in film pixels, and the deviation of its logarithm (from the 5 and 95 % points).
_SIDES = {'mass': (297, 0.40), 'calcification': (282, 0.86)}
_ASPECT = 0.16


def draw_sides(rng: np.random.Generator, kind: str, height: int) -> tuple[float, float]:
    """Draw the size of a lesion: (height, width) in pixels of an image ``height`` pixels high."""
    median, spread = _SIDES[kind]
    size = np.exp(np.clip(rng.normal(0, spread), -2 * spread, 2 * spread))
    aspect = np.exp(rng.normal(0, _ASPECT))
    side = median * size * height / FILM_ROWS
    return side * aspect, side / aspect


def draw_lesion(
    rng: np.random.Generator, kind: str, pathology: str, sides: tuple[float, float], height: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a mass or a cluster of calcifications.

    Args:
        rng: Source of everything random.
        kind: ``mass`` or ``calcification``.
        pathology: Masses whose pathology is ``malignant`` are irregular and often spiculated.
        sides: Box of the lesion, (height, width) in pixels.
        height: Rows of the whole image, the scale of dots and lines.

    Returns:
        profile, h×w float32, added brightness (1 = the contrast of the lesion); mask, h×w
        bool. Both have the lesion's box in their centre.
    """
    malignant = pathology == 'malignant'
    rough = (0.20 if malignant else 0.09) if kind == 'mass' else 0.24
    mask = _blob(rng, sides, rough)
    if kind == 'mass':
        return _mass(rng, mask, max(sides), malignant, height), mask
    return _cluster(rng, mask, malignant, height), mask


def draw_island(
    rng: np.random.Generator, sides: tuple[float, float], blur: float = 0.16
) -> np.ndarray:
    """A bright spot of gland without a border, or a vague density: h×w float32, 0 … 1."""
    mask = _blob(rng, sides, 0.35)
    return _blur(mask, blur * max(sides)) * rng.uniform(0.6, 1.0)


def draw_node(rng: np.random.Generator, sides: tuple[float, float]) -> np.ndarray:
    """A lymph node, an oval with a fatty hilum: h×w float32, -0.2 … 1."""
    mask = _blob(rng, sides, 0.04)
    node = _blur(mask, 0.05 * max(sides))
    rows, columns = node.shape
    hilum = np.zeros_like(node)
    axes = (max(1, int(sides[1] * 0.2)), max(1, int(sides[0] * 0.2)))
    cv2.ellipse(hilum, (int(columns * 0.44), rows // 2), axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    return node - 0.8 * _blur(hilum, 0.08 * max(sides)) * node


def draw_dot(rng: np.random.Generator, height: int) -> np.ndarray:
    """A single benign calcification: h×w float32, 0 … 1."""
    radius = rng.uniform(4, 14) * height / FILM_ROWS
    return _dots(np.zeros((1, 2)), np.array([radius]), np.array([1.0]), (9, 9), height)


def _blob(rng: np.random.Generator, sides: tuple[float, float], rough: float) -> np.ndarray:
    """A closed random outline, filled, scaled to fill its box exactly; padded patch, bool."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for order in range(2, 9):
        size = rough * rng.normal() / order**0.8
        radius += size * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.25)
    tilt, flat = rng.uniform(0, np.pi), rng.uniform(0.6, 1.0)
    x, y = radius * np.cos(angle), flat * radius * np.sin(angle)
    x, y = x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)
    box = np.maximum(np.rint(sides), 2)
    pad = int(0.8 * max(box)) + 2
    points = np.stack(
        [
            pad + (x - x.min()) / np.ptp(x) * (box[1] - 1),
            pad + (y - y.min()) / np.ptp(y) * (box[0] - 1),
        ],
        axis=1,
    )
    patch = np.zeros((int(box[0]) + 2 * pad, int(box[1]) + 2 * pad), np.uint8)
    cv2.fillPoly(patch, [np.rint(points * 16).astype(np.int32)], 1, shift=4)
    return patch.astype(bool)


def _mass(
    rng: np.random.Generator, mask: np.ndarray, side: float, malignant: bool, height: int
) -> np.ndarray:
    margin = rng.uniform(0.07, 0.13) if malignant else rng.uniform(0.03, 0.08)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    dome = np.sqrt(np.clip(inside / max(float(inside.max()), 1e-6), 0, 1))
    profile = _blur(0.45 * mask + 0.55 * dome, margin * side)
    grain = cv2.GaussianBlur(rng.standard_normal(mask.shape), (0, 0), max(0.6, 0.05 * side))
    profile *= 1 + 0.12 * (grain / max(float(grain.std()), 1e-6)).clip(-2, 2).astype(np.float32)
    if malignant and rng.random() < 0.7:
        profile = np.maximum(profile, _spicules(rng, mask, side, height))
    return profile


def _spicules(rng: np.random.Generator, mask: np.ndarray, side: float, height: int) -> np.ndarray:
    """Thin lines that radiate from a mass and fade outwards; not part of its outline."""
    canvas = np.zeros(mask.shape, np.uint8)  # OpenCV smooths lines on 8 bits only
    centre = np.array(mask.shape[::-1]) / 2
    for angle in rng.uniform(0, 2 * np.pi, rng.integers(9, 22)):
        bend = np.cumsum(gaussian_filter1d(rng.normal(0, 0.25, 12), 2))
        steps = rng.uniform(0.55, 1.15) * side / 12
        path = np.stack([np.cos(angle + bend), np.sin(angle + bend)], 1).cumsum(0) * steps
        points = np.rint((path + centre) * 16).astype(np.int32)
        thick = max(1, round(0.0012 * height))
        light = int(rng.integers(128, 230))
        cv2.polylines(canvas, [points], False, light, thick, cv2.LINE_AA, 4)
    y, x = np.ogrid[0 : mask.shape[0], 0 : mask.shape[1]]
    far = np.hypot(x - centre[0], y - centre[1]) / max(side, 1)
    return _blur(canvas, max(0.5, 0.0006 * height)) / 255 * np.clip(1.25 - far, 0, 1)


def _cluster(
    rng: np.random.Generator, mask: np.ndarray, malignant: bool, height: int
) -> np.ndarray:
    """Bright dots inside the outline over a faint haze."""
    rows, columns = np.nonzero(mask)
    count = int(np.clip(rng.normal(26, 9) if malignant else rng.normal(14, 6), 5, 60))
    chosen = rng.integers(0, len(rows), count)
    centres = np.stack([columns[chosen], rows[chosen]], 1) + rng.uniform(-0.4, 0.4, (count, 2))
    radii = rng.uniform(2.5, 8.0, count) * height / FILM_ROWS
    centres -= np.array(mask.shape[::-1]) / 2
    dots = _dots(centres, radii, rng.uniform(0.7, 2.2, count), mask.shape, height)
    return np.maximum(dots, 0.3 * _blur(mask, 0.12 * min(mask.shape) / 2))


def _dots(
    centres: np.ndarray,
    radii: np.ndarray,
    levels: np.ndarray,
    shape: tuple[int, int],
    height: int,
) -> np.ndarray:
    """Discs around the centre of a patch; one below pixel size keeps part of its light."""
    canvas = np.zeros(shape, np.uint8)
    middle = np.array(shape[::-1]) / 2
    for (x, y), radius, level in zip(centres + middle, radii, levels, strict=True):
        drawn = max(radius, 0.6)
        point = (round(float(x) * 16), round(float(y) * 16))
        light = float(level) * max(0.45, min(1.0, radius / drawn)) * 100
        cv2.circle(canvas, point, round(drawn * 16), round(light), -1, cv2.LINE_AA, 4)
    return _blur(canvas, max(0.4, 0.0003 * height)) / 100


def _blur(patch: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(patch.astype(np.float32), (0, 0), max(float(sigma), 0.3))
