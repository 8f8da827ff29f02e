"""Files of one image in a prediction folder: mask, probability, pictures and DICOM SEG."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.io.dicom.reader import is_dicom
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.image import resize_mask, scale_to_long_side, write_picture, write_png
from mmseg_mammo.io.run_folder import VIEWER, picture_names
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, grey_picture, mark_mask

MASKS, OVERLAYS = 'masks', 'overlays'
PROBABILITIES, SEGMENTATIONS = 'probabilities', 'segmentations'
_OVERLAY_SIDE, _VIEWER_SIDE = 1024, 384  # pixels


@dataclass(frozen=True)
class Outputs:
    """What is written beside masks, overlays and tables.

    Attributes:
        probabilities: 16-bit PNG of the probability, 65535 for 1.
        segmentations: DICOM SEG of DICOM images.
        empty_segmentations: Also where nothing is marked.
        model: What a DICOM SEG calls the algorithm.
        serial: What it calls the device: the hash of the checkpoint.
    """

    probabilities: bool = False
    segmentations: bool = False
    empty_segmentations: bool = False
    model: str = ''
    serial: str = ''


def write_image(out: Path, key: str, image: np.ndarray, found: Prediction, outputs: Outputs) -> str:
    """Write the mask, the pictures and, if it is wanted, the probability of an image.

    Args:
        out: The prediction folder.
        key: Stem of the files.
        image: H×W grey levels.
        found: What the model makes of it.
        outputs: What is written beside.

    Returns:
        The mask, relative to ``out``.
    """
    write_png(out / MASKS / f'{key}.png', found.mask.astype(np.uint8) * 255)
    if outputs.probabilities:
        levels = np.rint(found.probability * 65535).astype(np.uint16)
        write_png(out / PROBABILITIES / f'{key}.png', levels)
    _write_pictures(out, key, image, found.mask)
    return f'{MASKS}/{key}.png'


def write_seg(out: Path, source: Input, found: Prediction, outputs: Outputs) -> None:
    """Write the DICOM SEG of an image, if it is wanted and the image is DICOM.

    One of an earlier run, on what the image was then, does not stay where none can be made now.

    Args:
        out: The prediction folder.
        source: The image.
        found: What the model makes of it.
        outputs: Whether, and how the algorithm is called.

    Raises:
        DataFileError: The header of the image lacks what a SEG must name.
    """
    if not outputs.segmentations:
        return
    path = out / SEGMENTATIONS / f'{source.key}.dcm'
    path.unlink(missing_ok=True)
    if not is_dicom(source.path):
        return
    write_segmentation(
        source.path,
        found.mask,
        path,
        model=outputs.model,
        serial=outputs.serial,
        parameters=_parameters(found),
        empty=outputs.empty_segmentations,
    )


def _parameters(found: Prediction) -> dict[str, str]:
    """What a DICOM SEG says of how the mask was cut."""
    known = {'threshold': found.threshold, 'presence_threshold': found.presence_threshold}
    return {name: f'{value:g}' for name, value in known.items() if value is not None}


def remove_image(out: Path, key: str) -> None:
    """Remove what an earlier run wrote of an image, which is not what it is any more.

    Args:
        out: The prediction folder.
        key: Stem of the files.
    """
    small, _, predicted = picture_names(key)
    for folder, name in (
        *((MASKS, f'{key}.png'), (PROBABILITIES, f'{key}.png'), (OVERLAYS, f'{key}.jpg')),
        *((SEGMENTATIONS, f'{key}.dcm'), (VIEWER, small), (VIEWER, predicted)),
    ):
        (out / folder / name).unlink(missing_ok=True)


def _write_pictures(out: Path, key: str, image: np.ndarray, mask: np.ndarray) -> None:
    shape = scale_to_long_side(image.shape, _OVERLAY_SIDE)
    grey = grey_picture(image, shape)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    marked = mark_mask(colour, resize_mask(mask, shape), PREDICTION_COLOUR)
    write_picture(out / OVERLAYS / f'{key}.jpg', marked, cv2.IMWRITE_JPEG_QUALITY, 90)
    shape = scale_to_long_side(image.shape, _VIEWER_SIDE)
    small, _, predicted = picture_names(key)
    picture = cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA)
    write_picture(out / VIEWER / small, picture, cv2.IMWRITE_JPEG_QUALITY, 85)
    if mask.any():
        pixels = resize_mask(mask, shape).astype(np.uint8) * 255
        write_picture(out / VIEWER / predicted, pixels, cv2.IMWRITE_PNG_BILEVEL, 1)
    else:
        (out / VIEWER / predicted).unlink(missing_ok=True)
