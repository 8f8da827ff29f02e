"""Breast tissue of a phantom: outline, pectoral muscle, fat, gland, ducts and vessels.

Everything is drawn as a left breast, chest wall at x = 0, on H×W float32 arrays.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d


@dataclass(frozen=True)
class Anatomy:
    """Where things are, in pixels of an H×W image (x to the right, y down).

    Attributes:
        breast: H×W bool.
        depth: H×W float32, distance to the skin as a share of H; 0 outside.
        reach: H×W float32, 0 at the chest wall, 1 at the skin.
        pectoral: H×W float32, 0 … 1.
        nipple: (x, y).
    """

    breast: np.ndarray
    depth: np.ndarray
    reach: np.ndarray
    pectoral: np.ndarray
    nipple: tuple[float, float]


def draw_anatomy(rng: np.random.Generator, shape: tuple[int, int], view: str) -> Anatomy:
    """Draw outline and muscle of one breast; ``view`` is ``CC`` or ``MLO``."""
    height, width = shape
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    skin = _skin_mlo(rng, y) if view == 'MLO' else _skin_cc(rng, y)
    skin = gaussian_filter1d(skin, 0.008 * height)
    row = int(np.argmax(skin))
    bump = rng.uniform(0.012, 0.03) * np.exp(-(((y - y[row]) / rng.uniform(0.012, 0.02)) ** 2))
    skin = np.minimum((skin + bump) * width, 0.97 * width).astype(np.float32)
    x = np.arange(width, dtype=np.float32) + 0.5
    breast = x[None, :] < skin[:, None]
    padded = cv2.copyMakeBorder(breast.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1] / height
    reach = np.minimum(x[None, :] / np.maximum(skin, 1)[:, None], 1.0)
    pectoral = _pectoral(rng, shape, view) * breast
    return Anatomy(breast, depth, reach, pectoral, (float(skin[row]), float(row)))


def _skin_cc(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    """Skin line of a cranio-caudal view: x/W for each y/H."""
    centre, half = rng.uniform(0.45, 0.55), rng.uniform(0.31, 0.46)
    t = np.clip(np.abs(y - centre) / half, 0, 1)
    bow = (1 - t ** rng.uniform(1.7, 2.5)) ** rng.uniform(0.45, 0.65)
    point = 0.06 * np.exp(-(((y - centre) / (0.25 * half)) ** 2))
    return rng.uniform(0.55, 0.9) * (bow + point * rng.random()) / 1.05


def _skin_mlo(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    """Skin line of a medio-lateral oblique view, from the armpit down to the fold."""
    nipple, depth = rng.uniform(0.54, 0.68), rng.uniform(0.6, 0.9)
    armpit = rng.uniform(0.42, 0.62) * depth + 0.06
    knots_y = [-0.1, 0.0, 0.16, nipple - 0.22, nipple - 0.08, nipple, nipple + 0.09]
    knots_x = [armpit, armpit, armpit * 1.04, 0.85 * depth, 0.97 * depth, depth, 0.93 * depth]
    fold = nipple + rng.uniform(0.24, 0.3)
    knots_y += [nipple + 0.17, fold, 1.1]
    knots_x += [0.68 * depth, 0.16 * depth, rng.uniform(0.03, 0.12)]
    return PchipInterpolator(knots_y, knots_x)(y).astype(np.float32)


def _pectoral(rng: np.random.Generator, shape: tuple[int, int], view: str) -> np.ndarray:
    """The muscle: a bright triangle at the upper chest wall in MLO; none in CC."""
    if view != 'MLO':
        return np.zeros(shape, np.float32)
    height, width = shape
    y, x = np.ogrid[0:height, 0:width]
    length = rng.uniform(0.45, 0.75) * height
    run = np.clip(1 - y / length, 0, 1) ** rng.uniform(0.75, 1.15)
    edge = rng.uniform(0.22, 0.42) * width * run
    inside = 1 / (1 + np.exp(np.clip((x - edge) / (0.006 * height), -30, 30)))
    return (inside * (run > 0) * (0.7 + 0.35 * run)).astype(np.float32)


def draw_tissue(
    rng: np.random.Generator, anatomy: Anatomy, density: int, beta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Glandular tissue and its strands.

    Args:
        rng: Source of everything random.
        anatomy: The breast.
        density: BI-RADS density, 1 (fatty) … 4 (dense); others count as the nearest.
        beta: Power of the 1/f^beta spectrum of the gland; about 3 in real mammograms
            (Burgess, Jacobson and Judy, Medical Physics 28, 2001).

    Returns:
        gland, H×W float32, 0 (fat) … about 1; strands (ducts, Cooper's ligaments, vessels),
        H×W float32, 0 … about 1.
    """
    shape = anatomy.breast.shape
    level = int(np.clip(density, 1, 4)) - 1
    coarse = noise(rng, shape, beta + 0.8)
    wisps, lines = _flow(rng, anatomy, noise(rng, shape, 4.0))
    wisps = 0.8 * wisps + 0.4 * noise(rng, shape, beta - 0.3)
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    spread = (0.10, 0.13, 0.17, 0.23)[level] * rng.uniform(0.85, 1.15) * shape[0]
    away = ((anatomy.reach - rng.uniform(0.58, 0.72)) / 0.27) ** 2
    away = away + ((y - anatomy.nipple[1] + 0.03 * shape[0]) / spread) ** 2
    field = 1.7 * np.exp(-0.5 * away) + 0.30 * coarse + 0.30 * wisps
    field -= (1.35, 1.0, 0.72, 0.45)[level]
    gland = 1 / (1 + np.exp(-np.clip(field / 0.28, -30, 30)))
    gland *= np.clip(0.72 + 0.22 * wisps + 0.06 * coarse, 0.1, 1.3)
    shown = np.clip(anatomy.depth / 0.03, 0, 1) * (1 - 0.9 * anatomy.pectoral)
    strands = lines * (0.3 + 0.7 * np.minimum(gland * 2, 1)) * shown
    strands += 0.6 * _vessels(rng, anatomy)
    return (gland * shown).astype(np.float32), strands.astype(np.float32)


def _flow(
    rng: np.random.Generator, anatomy: Anatomy, bend: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Texture that runs towards the nipple: noise in polar coordinates, long along the radius.

    Returns:
        wisps, H×W float32, deviation about 1; lines (ducts and ligaments), H×W, 0 … 1.
    """
    height, width = anatomy.breast.shape
    fineness = float(np.clip(height / 512, 0.3, 1.0))  # no finer than the pixels show
    angles, radii = round(768 * fineness), round(128 * fineness)
    wisps, lines = np.zeros((2, angles, radii), np.float32)
    for sigma in (1.2, 2.4, 5.0, 10.0):
        white = rng.standard_normal((angles, radii), dtype=np.float32)
        field = cv2.GaussianBlur(white, (0, 0), sigmaX=3 + 0.8 * sigma, sigmaY=sigma)
        field = field / field.std()
        wisps += field * 0.28 * sigma**0.35
        if sigma < 4:
            lines += np.exp(-((field / 0.20) ** 2)) * np.clip(wisps + 0.4, 0, 1)
    x, y = np.meshgrid(
        np.arange(width, dtype=np.float32) - anatomy.nipple[0] - 0.06 * width,
        np.arange(height, dtype=np.float32) - anatomy.nipple[1],
    )
    radius, angle = cv2.cartToPolar(x, y)  # angle 0, where the seam is, points out of the breast
    along = radius * (radii / (1.1 * height)) + 5 * fineness * bend
    across = angle * np.float32(angles / (2 * np.pi)) + 14 * fineness * bend
    fade = np.clip(1.15 - radius / (0.8 * width), 0.15, 1)
    remap = (cv2.INTER_LINEAR, cv2.BORDER_REFLECT)
    return cv2.remap(wisps, along, across, remap[0], borderMode=remap[1]), cv2.remap(
        lines, along, across, remap[0], borderMode=remap[1]
    ) * fade


def _vessels(rng: np.random.Generator, anatomy: Anatomy) -> np.ndarray:
    """A few winding vessels from the chest wall or armpit, some of them branching."""
    height, width = anatomy.breast.shape
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(1, 5)):
        steps = int(rng.integers(14, 30))
        turn = gaussian_filter1d(rng.normal(0, 1, steps), 1.5)
        heading = rng.uniform(-0.7, 0.7) + np.cumsum(turn) * 0.35
        step = 0.028 * height
        start = (rng.uniform(0, 0.2) * width, rng.uniform(0.15, 0.8) * height)
        path = np.stack([np.cos(heading), np.sin(heading)], 1).cumsum(0) * step + start
        thick = max(1, round(rng.uniform(0.001, 0.0028) * height))
        _polyline(canvas, path, thick)
        if rng.random() < 0.6:
            turned = heading[steps // 2 :] + rng.choice([-0.6, 0.6])
            branch = np.stack([np.cos(turned), np.sin(turned)], 1).cumsum(0) * step
            _polyline(canvas, branch + path[steps // 2], max(1, thick - 1))
    blurred = cv2.GaussianBlur(canvas, (0, 0), max(0.5, 0.0008 * height))
    return blurred.astype(np.float32) / 255 * (anatomy.depth > 0.01) * (1 - 0.7 * anatomy.pectoral)


def _polyline(canvas: np.ndarray, path: np.ndarray, thickness: int) -> None:
    points = np.rint(path * 16).astype(np.int32)
    cv2.polylines(canvas, [points], False, 200, thickness, cv2.LINE_AA, shift=4)


def noise(rng: np.random.Generator, shape: tuple[int, int], beta: float) -> np.ndarray:
    """Gaussian noise with power spectrum 1/f^beta: H×W float32, mean 0, deviation 1.

    The finest octaves of large images carry little power, so at most 512 rows are drawn and
    enlarged.
    """
    factor = max(1.0, max(shape) / 512)
    small = (max(2, round(shape[0] / factor)), max(2, round(shape[1] / factor)))
    spectrum = np.fft.rfft2(rng.standard_normal(small, dtype=np.float32))
    field = np.fft.irfft2(spectrum * _filter(small, beta), small).astype(np.float32)
    field = (field - field.mean()) / max(float(field.std()), 1e-6)
    if small == shape:
        return field
    return cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=8)
def _filter(shape: tuple[int, int], beta: float) -> np.ndarray:
    """Amplitude over frequency; frequencies below three cycles per image are damped."""
    fy = np.fft.fftfreq(shape[0])[:, None] * shape[0]
    fx = np.fft.rfftfreq(shape[1])[None, :] * shape[0]
    frequency = np.sqrt(fy**2 + fx**2 + 3.0**2)
    return (frequency ** (-beta / 2)).astype(np.float32)
