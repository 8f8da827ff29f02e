"""Regions of a hospital: the lesion of one mask file, DICOM SEG or drawing, on its image's grid."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.dicom.reader import is_dicom, read_identity
from mmseg_mammo.io.dicom.segmentation import (
    SegmentationInfo,
    lesion_segments,
    list_segments,
    read_segmentation,
    read_segmentation_info,
)
from mmseg_mammo.io.image import read_labels
from mmseg_mammo.io.mask import IMAGE_LABEL, binarise, fit_mask
from mmseg_mammo.io.shapes.drawing import Drawing, draw, fault_of_box
from mmseg_mammo.preparation.hospital.names import tells_nothing
from mmseg_mammo.preparation.hospital.spelling import EMPTY_MASK_MEANINGS
from mmseg_mammo.preparation.output import INVERTED_SHARE

BOX = ('x1', 'y1', 'x2', 'y2')


def read_box(cells: Mapping[str, str]) -> Drawing | None:
    """The box in the columns x1, y1, x2 and y2 of a row; None where they tell nothing.

    They are the first and the last pixels of the box, counted from 0, as in ``prompts.csv``: the
    box from 3 to 5 is three pixels wide. Decimals may have a comma.

    Args:
        cells: The cells of a row.

    Raises:
        DataIndexError: Only some are filled, they are no numbers, the last comes before the
            first, or they are fractions of the image.

    >>> read_box({'x1': '3', 'y1': '0', 'x2': '5', 'y2': '9'}).boxes
    ((3.0, 0.0, 6.0, 10.0),)
    """
    told = {name: cells.get(name, '') for name in BOX}
    if all(tells_nothing(cell) for cell in told.values()):
        return None
    numbers = []
    for name, cell in told.items():
        try:
            number = float(cell.replace(',', '.'))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise DataIndexError(
                f'{name} {cell!r}', 'pixels of the original image in x1, y1, x2 and y2, or none'
            )
        numbers.append(number)
    x1, y1, x2, y2 = numbers
    if x1 > x2 or y1 > y2:
        raise DataIndexError(
            f'a box from x1={x1:g}, y1={y1:g} to x2={x2:g}, y2={y2:g}',
            'x1 <= x2 and y1 <= y2',
            'Are x2 and y2 its width and height, or columns mistaken for each other?',
        )
    if max(numbers) <= 1 and not all(number.is_integer() for number in numbers):
        raise DataIndexError(
            f'a box from x1={x1:g}, y1={y1:g} to x2={x2:g}, y2={y2:g}, fractions of the image',
            'pixels of the original image',
            'Multiply them by its width and height',
        )
    corners = (x1, y1, x2 + 1, y2 + 1)
    place = ' '.join(f'{name}={cell}' for name, cell in told.items())
    return Drawing(f'box {place}', boxes=(corners,), fault=fault_of_box(corners))


def faults_of_region(has_region: bool, annotated: str, mask_kind: str) -> Iterator[str]:
    """Why a row cannot be used whose lesion is marked, or is not.

    Args:
        has_region: Whether it names a mask or has a drawing.
        annotated: As in the index; '' where the mask decides.
        mask_kind: As in the index; '' where that of the data set holds.
    """
    if has_region and mask_kind == IMAGE_LABEL:
        yield f'mask_kind is {IMAGE_LABEL}, but a mask is named'
    if not has_region and annotated == 'lesion' and mask_kind != IMAGE_LABEL:
        yield 'annotated is lesion, but no mask is named; if nobody outlined it: --image-labels'
    if not has_region and not annotated:
        yield (
            'no mask and no annotated value; say what that means by --empty-mask-means '
            f'{" or ".join(EMPTY_MASK_MEANINGS)}'
        )


def read_region(
    region: Path | Drawing,
    image: Path,
    shape: tuple[int, int],
    lesion_values: Sequence[int],
    notes: list[str],
) -> np.ndarray:
    """The lesion of one region of an image.

    Args:
        region: A mask file, a DICOM SEG, or a drawing.
        image: The file of its image, which a SEG names by its UID.
        shape: (H, W) of the image.
        lesion_values: Values of label maps, and numbers of segments, that mean lesion.
        notes: Gets what was odd and how it was understood.

    Returns:
        H×W bool.

    Raises:
        DataFileError: It cannot be read, is of another shape, marks nearly everything, or lies on
            another image.
    """
    if isinstance(region, Drawing):
        lesion, place, name = draw(region, shape), region.place, region.place
    else:
        place, name = str(region), region.name
        info = read_segmentation_info(region) if is_dicom(region) else None
        if info is None:
            lesion = binarise(read_labels(region, notes=notes), place, lesion_values)
        else:
            lesion = _read_segments(region, info, image, shape, lesion_values, notes)
    share = float(lesion.mean())
    if share > INVERTED_SHARE:
        raise DataFileError(
            f'{place}: its lesion covers {share:.0%} of the image',
            f'at most {INVERTED_SHARE:.0%}',
            'Invert the mask if its background is white; the outline of a breast is no lesion',
        )
    if lesion.shape != shape:
        notes.append(f'{name} resized from {lesion.shape[0]}×{lesion.shape[1]}')
    return fit_mask(lesion, shape, place)


def _read_segments(
    path: Path,
    info: SegmentationInfo,
    image: Path,
    shape: tuple[int, int],
    wanted: Sequence[int],
    notes: list[str],
) -> np.ndarray:
    """The lesion that a SEG has on an image, on the grid of the SEG."""
    used = lesion_segments(path, info, wanted)
    if len(used) > 1:
        notes.append(f'{path.name}: union of the segments {list_segments(used)}')
    masks = read_segmentation(path, wanted)
    uid = read_identity(image).sop_uid if is_dicom(image) else ''
    if uid in info.images:  # no frame of an image is an empty mask
        return masks.get(uid, np.zeros(shape, bool))
    if uid or len(masks) != 1:
        raise DataFileError(
            f'{path}: a DICOM SEG of {len(masks)} images, none of which is {image.name}'
            if uid
            else f'{path}: a DICOM SEG of {len(masks)} images, and {image.name} has no UID to choose one by',
            'a SEG that names the UID of its image; for an image without one, a SEG of one image',
            'Export image and SEG again together: programs that remove names may change UIDs',
        )
    notes.append(f'{path.name}: matched by name; {image.name} has no UID')
    return next(iter(masks.values()))
