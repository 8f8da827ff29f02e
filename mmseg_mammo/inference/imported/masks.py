"""Masks of another system: a file → probability and mask on the grid of the prepared image."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.evaluation.grids import resize_probability
from mmseg_mammo.inference.imported.find import MaskFile
from mmseg_mammo.io.dicom.segmentation import (
    lesion_segments,
    read_segmentation,
    read_segmentation_info,
)
from mmseg_mammo.io.image import read_labels, resize_mask
from mmseg_mammo.io.mask import binarise

TRAINED = 0.5  # what cuts probabilities unless the user says otherwise


@dataclass(frozen=True)
class Reading:
    """How files are understood.

    Attributes:
        probabilities: Whether they hold probabilities, the highest level of their depth being 1.
        threshold: Probability above which a pixel is lesion.
        lesion_values: Values of label maps, and numbers of segments of a DICOM SEG, that mean lesion.

    Raises:
        MammoError: The threshold is no probability, or has nothing to cut.
    """

    probabilities: bool = False
    threshold: float | None = None
    lesion_values: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check what does not go together."""
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise MammoError(f'--threshold {self.threshold:g}', 'a probability from 0 to 1')
        if self.threshold is not None and not self.probabilities:
            raise MammoError(
                f'--threshold {self.threshold:g} without --probabilities',
                'a threshold for probability maps; masks are cut already',
                'Leave it out, or say that the files hold probabilities',
            )
        if self.lesion_values and self.probabilities:
            raise MammoError('--lesion-values beside --probabilities', 'one of them')

    @property
    def cut(self) -> float:
        """Probability above which a pixel is lesion."""
        return TRAINED if self.threshold is None else self.threshold


@dataclass(frozen=True)
class Marks:
    """The prediction of an image on the grid of its prepared file.

    Attributes:
        probability: H×W float32; of masks 0 and 1.
        mask: H×W bool.
        resized: Whether it came on the original grid and was brought to this one.
        highest: Highest level in the file of probabilities; 0 for masks.
    """

    probability: np.ndarray
    mask: np.ndarray
    resized: bool = False
    highest: int = 0


def no_marks(shape: tuple[int, int]) -> Marks:
    """Nothing is marked on an image of H×W."""
    return Marks(np.zeros(shape, np.float32), np.zeros(shape, bool))


def read_marks(
    file: MaskFile | None, shape: tuple[int, int], original: tuple[int, int], reading: Reading
) -> Marks:
    """Read the prediction of one image.

    A mask on the original grid is resized by nearest neighbour, but so that no lesion vanishes;
    probabilities bilinearly, and cut afterwards: as in a test of our own models.

    Args:
        file: None where there is none: nothing is marked.
        shape: (H, W) of the prepared image.
        original: (H, W) of the image before it was prepared.
        reading: How the file is understood.

    Raises:
        DataFileError: The file cannot be read, is on another grid, or is no mask.
    """
    if file is None or file.path is None:
        return no_marks(shape)
    if file.uid is None and reading.probabilities:
        return _read_probability(file.path, shape, original, reading.cut)
    if file.uid is not None:
        mask = _read_segments(file.path, file.uid, reading.lesion_values)
    else:
        mask = _read_mask(file.path, reading.lesion_values)
    if mask is None:
        return no_marks(shape)
    _check_grid(file.path, mask.shape, shape, original)
    fitted = resize_mask(mask, shape)
    return Marks(fitted.astype(np.float32), fitted, mask.shape != shape)


def _read_probability(
    path: Path, shape: tuple[int, int], original: tuple[int, int], threshold: float
) -> Marks:
    levels = read_labels(path)
    _check_grid(path, levels.shape, shape, original)
    given = torch.from_numpy(levels.astype(np.float32) / np.iinfo(levels.dtype).max)
    resized = levels.shape != shape
    probability = (resize_probability(given, shape) if resized else given).numpy()
    # In float32, as the metric compares.
    mask = probability > np.float32(threshold)
    return Marks(probability, mask, resized, int(levels.max()))


def _read_segments(path: Path, uid: str, wanted: Collection[int]) -> np.ndarray | None:
    """The lesion that a SEG has on an image; None where it has no frame of that image."""
    info = read_segmentation_info(path, strict=True)
    if info:
        lesion_segments(path, info, wanted)
    masks = read_segmentation(path, wanted)
    if uid:
        return masks.get(uid)
    if len(masks) != 1:
        raise DataFileError(
            f'{path}: a DICOM SEG of {len(masks)} images, none of which the index knows by sop_uid',
            'one image a file, or an index with column sop_uid',
        )
    return next(iter(masks.values()))


def _read_mask(path: Path, lesion_values: Collection[int]) -> np.ndarray:
    values = read_labels(path)
    if not lesion_values and values.min() == values.max() > 0:
        return np.ones(values.shape, bool)  # no truth, but what a bad model marks
    try:
        return binarise(values, str(path), lesion_values)
    except DataFileError as error:
        raise DataFileError(
            str(error), remedy='For maps of probabilities, add --probabilities'
        ) from error


def _check_grid(
    path: Path, found: tuple[int, ...], shape: tuple[int, int], original: tuple[int, int]
) -> None:
    if found not in (shape, original):
        sizes = ['×'.join(map(str, size)) for size in (found, shape, original)]
        raise DataFileError(
            f'{path}: {sizes[0]} pixels (height×width)',
            f'{sizes[1]}, the grid of the prepared image, or {sizes[2]}, that of the original',
            'Export masks on the grid of the image that the system was given',
        )
