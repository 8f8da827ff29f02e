"""Synthetic mammogram: a plausible breast with lesions, made without any patient.

A phantom serves tests, demonstrations and dry runs. No figure obtained on phantoms says
anything about medical performance; masks made from them carry ``mask_kind='phantom'``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.phantoms import lesions as shapes
from mmseg_mammo.phantoms.film import add_film
from mmseg_mammo.phantoms.tissue import Anatomy, draw_anatomy, draw_tissue, noise

KINDS = ('mass', 'calcification')
VIEWS = ('CC', 'MLO')
_LARGEST_DRAWN = 1024  # rows; larger images are enlarged, their grain is not


@dataclass(frozen=True)
class Appearance:
    """How the images of one hospital look. Levels are shares of ``maximum``.

    Attributes:
        maximum: Largest grey level: 65535 (16 bits) or 4095 (12 bits).
        film: Digitised film with frame and label; otherwise digital, background exactly 0.
        fat: Level of fat.
        gland: Added where gland is.
        strands: Added on ducts, ligaments and vessels.
        muscle: Added on the pectoral muscle.
        skin: Added on the skin line.
        rim: Depth over which the level rises from the skin inwards, share of the height.
        beta: Exponent of the gland's spectrum.
        grain: Standard deviation of the noise.
        contrast: Smallest and largest level that a lesion adds.
        window: VOI centre and width to write into DICOM files.
    """

    maximum: int
    film: bool
    fat: float
    gland: float
    strands: float
    muscle: float
    skin: float
    rim: float
    beta: float
    grain: float
    contrast: tuple[float, float]
    window: tuple[int, int]


APPEARANCES = {
    'cbis': Appearance(
        maximum=65535, film=True, fat=0.44, gland=0.30, strands=0.10, muscle=0.26, skin=0.0,
        rim=0.06, beta=2.8, grain=0.012, contrast=(0.15, 0.29), window=(32768, 65536),
    ),
    'zgt': Appearance(
        maximum=4095, film=False, fat=0.16, gland=0.50, strands=0.22, muscle=0.34, skin=0.10,
        rim=0.015, beta=2.2, grain=0.008, contrast=(0.22, 0.40), window=(1700, 3400),
    ),
    'screening': Appearance(
        maximum=4095, film=False, fat=0.30, gland=0.28, strands=0.06, muscle=0.30, skin=0.04,
        rim=0.03, beta=3.2, grain=0.016, contrast=(0.18, 0.34), window=(2000, 3600),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Lesion:
    """One lesion in a phantom; ``mask`` is H×W bool in the frame of the image."""

    kind: str
    pathology: str
    mask: np.ndarray


def make_mammogram(
    rng: np.random.Generator,
    appearance: Appearance,
    shape: tuple[int, int],
    laterality: str,
    view: str,
    lesions: Sequence[tuple[str, str]] = (),
    density: int = 2,
) -> tuple[np.ndarray, list[Lesion]]:
    """Make one mammogram.

    Args:
        rng: Source of everything random; the same state gives the same image.
        appearance: The look of its hospital.
        shape: (H, W) in pixels, each at least 32.
        laterality: ``LEFT`` (chest wall at the left border) or ``RIGHT``.
        view: ``CC`` or ``MLO``.
        lesions: (kind, pathology) of each lesion wanted; kind is ``mass`` or
            ``calcification``; masses of pathology ``malignant`` look it.
        density: BI-RADS density 1 … 4.

    Returns:
        pixels, H×W uint16, dense tissue bright; and one :class:`Lesion` per request, in
        order, each with at least one pixel.

    Raises:
        MammoError: A view, laterality, kind or shape is not allowed.
    """
    _check_request(shape, laterality, view, lesions)
    scale = max(1.0, shape[0] / _LARGEST_DRAWN)
    drawn = (round(shape[0] / scale), round(shape[1] / scale))
    anatomy = draw_anatomy(rng, drawn, view)
    image, gland = _healthy(rng, anatomy, density, appearance)
    _add_lookalikes(rng, image, anatomy, view, appearance)
    masks = _add_lesions(rng, image, anatomy, gland, lesions, appearance)
    masks = [_enlarge(mask.astype(np.uint8) * 255, shape) > 127 for mask in masks]
    image, breast = _enlarge(image, shape), _enlarge(anatomy.breast.astype(np.float32), shape)
    image += appearance.grain * rng.standard_normal(shape, dtype=np.float32) * (0.3 + 0.7 * breast)
    if not appearance.film:
        image[breast < 0.5] = 0
    if laterality == 'RIGHT':
        image, masks = image[:, ::-1].copy(), [mask[:, ::-1].copy() for mask in masks]
    if appearance.film:
        image = add_film(rng, image, laterality, view)
    pixels = np.rint(image.clip(0, 1) * appearance.maximum).astype(np.uint16)
    return pixels, [Lesion(*what, mask) for what, mask in zip(lesions, masks, strict=True)]


def _check_request(
    shape: tuple[int, int], laterality: str, view: str, lesions: Sequence[tuple[str, str]]
) -> None:
    if min(shape) < 32:
        raise MammoError(f'a phantom of {shape[0]}×{shape[1]} pixels', '32×32 or larger')
    wanted = [('laterality', laterality, ('LEFT', 'RIGHT')), ('view', view, VIEWS)]
    wanted += [('kind of lesion', kind, KINDS) for kind, _ in lesions]
    for name, value, allowed in wanted:
        if value not in allowed:
            raise MammoError(f'{name} {value!r}', ', '.join(allowed))


def _healthy(
    rng: np.random.Generator, anatomy: Anatomy, density: int, look: Appearance
) -> tuple[np.ndarray, np.ndarray]:
    """The breast without lesions, levels 0 … 1, and its gland: both H×W float32."""
    gland, strands = draw_tissue(rng, anatomy, density, look.beta)
    image = look.fat * rng.uniform(0.9, 1.1) + look.gland * gland + look.strands * strands
    image += look.muscle * anatomy.pectoral + 0.025 * noise(rng, gland.shape, 3.0)
    thick = 1 - np.exp(-anatomy.depth / look.rim)
    image *= thick / (1 - np.exp(-0.2 / look.rim))
    skin = np.exp(-(((anatomy.depth - 0.003) / 0.003) ** 2))
    image += look.skin * skin
    return (image * anatomy.breast).astype(np.float32), gland


def _add_lookalikes(
    rng: np.random.Generator, image: np.ndarray, anatomy: Anatomy, view: str, look: Appearance
) -> None:
    """What is not a lesion: islands of gland, a lymph node, benign dots."""
    height = len(image)
    level = look.contrast[0]
    for _ in range(rng.integers(0, 3)):
        sides = shapes.draw_sides(rng, 'mass', height)
        _place(rng, image, anatomy, 0.5 * level * shapes.draw_island(rng, sides), anatomy.depth)
    if view == 'MLO' and rng.random() < 0.4:
        size = rng.uniform(90, 190) * height / shapes.FILM_ROWS
        high = np.linspace(1, -1.2, height, dtype=np.float32)[:, None].clip(0, 1)
        node = 0.8 * level * shapes.draw_node(rng, (size * 1.3, size))
        _place(rng, image, anatomy, node, high * (anatomy.depth > 0.03))
    for _ in range(rng.integers(0, 6)):
        dot = 2 * level * shapes.draw_dot(rng, height)
        _place(rng, image, anatomy, dot, anatomy.depth > 0.01)


def _add_lesions(
    rng: np.random.Generator,
    image: np.ndarray,
    anatomy: Anatomy,
    gland: np.ndarray,
    lesions: Sequence[tuple[str, str]],
    look: Appearance,
) -> list[np.ndarray]:
    height = len(image)
    rows = anatomy.breast.sum(axis=1, keepdims=True)  # without the folds above and below
    free = anatomy.breast & (anatomy.pectoral < 0.3) & (anatomy.reach > 0.1)
    free &= rows > 0.35 * rows.max()
    masks = []
    for kind, pathology in lesions:
        sides = shapes.draw_sides(rng, kind, height)
        room = 1.6 * float((anatomy.depth * free).max()) * height
        shrink = min(1.0, room / max(sides))
        sides = (sides[0] * shrink, sides[1] * shrink)
        profile, patch = shapes.draw_lesion(rng, kind, pathology, sides, height)
        inside = anatomy.depth * height > 0.5 * max(sides)
        weight = (0.25 + gland) * inside * free
        level = rng.uniform(*look.contrast)
        corner = _place(rng, image, anatomy, level * profile, weight)
        mask = np.zeros(image.shape, bool)
        _paste(mask, patch, corner)
        free &= cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) == 0
        masks.append(mask & anatomy.breast)
    return masks


def _place(
    rng: np.random.Generator,
    image: np.ndarray,
    anatomy: Anatomy,
    patch: np.ndarray,
    weight: np.ndarray,
) -> tuple[int, int]:
    """Add ``patch`` at a place drawn by ``weight`` (H×W); returns its corner (row, column)."""
    step = max(1, len(image) // 128)
    coarse = (weight * anatomy.breast)[::step, ::step].astype(np.float64)
    if not coarse.any():
        coarse = (anatomy.depth**2)[::step, ::step].astype(np.float64)
    index = int(np.searchsorted(np.cumsum(coarse), rng.random() * coarse.sum()))
    row, column = np.unravel_index(min(index, coarse.size - 1), coarse.shape)
    corner = (int(row) * step - patch.shape[0] // 2, int(column) * step - patch.shape[1] // 2)
    outside = ~anatomy.breast
    _paste(image, patch, corner)
    image[outside] = 0
    return corner


def _paste(canvas: np.ndarray, patch: np.ndarray, corner: tuple[int, int]) -> None:
    """Add (bool: or) the part of ``patch`` that lies on ``canvas``."""
    top, left = max(0, corner[0]), max(0, corner[1])
    bottom = min(canvas.shape[0], corner[0] + patch.shape[0])
    right = min(canvas.shape[1], corner[1] + patch.shape[1])
    piece = patch[top - corner[0] : bottom - corner[0], left - corner[1] : right - corner[1]]
    canvas[top:bottom, left:right] += piece.astype(canvas.dtype)


def _enlarge(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if array.shape == shape:
        return array.copy()
    return cv2.resize(array, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
