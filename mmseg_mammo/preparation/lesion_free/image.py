"""Job of a cut: reads an image and its mask, chooses the cuts, and writes one of them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.io.image import read_image, read_labels
from mmseg_mammo.io.mask import binarise
from mmseg_mammo.preparation.lesion_free import crops, sides
from mmseg_mammo.preparation.lesion_free.boxes import Box, Cuts
from mmseg_mammo.preparation.output import pair_record, write_pair

Choose = Callable[[np.ndarray, np.ndarray, tuple[float, float], np.random.Generator], Cuts | None]
KINDS: dict[str, Choose] = {
    'crop': crops.choose_crops,
    'window': crops.choose_crops,
    'side': sides.choose_sides,
}
SHARES = {'crop': crops.SHARE, 'window': crops.SHARE, 'side': sides.SHARE}
FREE, WITH_LESION = 'free', 'lesion'  # what a cut is for, also in its file name
_NO_WINDOW = 'no window without lesion and one of its size with it that are half breast'
NO_CUT = {
    'crop': _NO_WINDOW,
    'window': _NO_WINDOW,
    'side': 'not enough breast above or below the lesion',
}


@dataclass(frozen=True)
class CutOptions:
    """What changes pixels.

    Args:
        kind: Of :data:`KINDS`.
        share: Least and largest size of a cut; see the functions of the kinds.
        seed: Of the choice, with the name of the image.
    """

    kind: str
    share: tuple[float, float]
    seed: int = 0


@dataclass(frozen=True)
class CutJob:
    """One cut of one image.

    Attributes:
        name: File stem of the cut.
        image: The image.
        mask: Its mask; None of a normal one.
        key: Name of the image in its index.
        number: Which cut without lesion of the image, or which of those with it.
        purpose: :data:`FREE` or :data:`WITH_LESION`.
    """

    name: str
    image: Path
    mask: Path | None
    key: str
    number: int
    purpose: str

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (self.image, *((self.mask,) if self.mask else ()))


def make_cut(job: CutJob, out: Path, options: CutOptions) -> dict[str, Any]:
    """Read an image, choose its cuts and write that of the job.

    Returns:
        The record of :func:`mmseg_mammo.preparation.output.pair_record`, with ``whole``, the
        (H, W) of the image, and ``cut``, the size of the cut in it. Where no cut fits, ``image``
        is '' and ``note`` says why.

    Raises:
        DataFileError: A file cannot be read; or the mask is empty, or of another shape than the image.
    """
    image = read_image(job.image)
    shape = (image.shape[0], image.shape[1])
    lesion = np.zeros(shape, bool) if job.mask is None else _read_lesion(job.mask, shape)
    rng = np.random.default_rng([options.seed, job.number, _number_of(job.key)])
    cuts = KINDS[options.kind](find_breast(image), lesion, options.share, rng)
    if cuts is None:
        for folder in ('images', 'masks'):  # of an earlier version of the same image
            (out / folder / f'{job.name}.png').unlink(missing_ok=True)
        return {'image': '', 'mask': '', 'note': NO_CUT[options.kind]}
    box = cuts.lesion if job.purpose == WITH_LESION and cuts.lesion else cuts.free
    pair = write_pair(
        out, job.name, cut(image, box, options.kind), cut(lesion, box, options.kind), 0
    )
    return pair_record(
        pair, note='', whole=list(shape), cut=[pair.original_height, pair.original_width]
    )


def cut(pixels: np.ndarray, box: Box, kind: str) -> np.ndarray:
    """A crop of the size of its box; a window or a side, of the size of the image and 0 outside it.

    Args:
        pixels: H×W.
        box: Of what is kept.
        kind: Of :data:`KINDS`.
    """
    if kind == 'crop':
        return np.ascontiguousarray(box.of(pixels))
    kept = np.zeros_like(pixels)
    box.of(kept)[...] = box.of(pixels)
    return kept


def _read_lesion(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """The lesion of a mask, H×W bool with a pixel at least: without one a cut would pass for normal."""
    lesion = binarise(read_labels(path), str(path))
    if lesion.shape != shape:
        raise DataFileError(
            f'{path}: shape {lesion.shape}, but its image has {shape}',
            'a mask on the grid of its image',
        )
    if not lesion.any():
        raise DataFileError(
            f'{path}: no lesion pixel, though the index says annotated=lesion',
            remedy='Write annotated=normal and an empty mask cell if a reader found nothing',
        )
    return lesion


def _number_of(text: str) -> int:
    """The same for a text in every process and on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big')
