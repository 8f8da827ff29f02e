"""Plain preparation: what a script of pydicom and OpenCV would do, once it knows which file is what.

It is the peer of our preparation of CBIS-DDSM, and gives the same files.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom

from mmseg_mammo.io.table import read_table
from mmseg_mammo.preparation.output import AUDIT_NAME


def plan(prepared: Path) -> dict[str, tuple[str, list[str]]]:
    """Which raw files each image was made of: its own, and those of its masks, below the download.

    Args:
        prepared: A folder of ``mammoseg prepare-cbis``, whose audit tells.
    """
    found: dict[str, tuple[str, list[str]]] = {}
    for record in read_table(prepared / AUDIT_NAME, ('image', 'image_file', 'mask_file')):
        if record['image'] and record['mask_file']:
            masks = found.setdefault(record['image'], (record['image_file'], []))[1]
            masks.append(record['mask_file'])
    return found


def prepare_plain(
    raw: Path, images: Mapping[str, tuple[str, Iterable[str]]], out: Path, long_side: int
) -> None:
    """Write the images and masks as PNG files, in one process.

    Args:
        raw: The download.
        images: Of :func:`plan`.
        out: A folder; gets ``images/`` and ``masks/``.
        long_side: Pixels of the longer side that both are shrunk to; 0 keeps full resolution.
    """
    for folder in ('images', 'masks'):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name, (image_file, mask_files) in images.items():
        image: Any = pydicom.dcmread(raw / image_file).pixel_array
        height, width = image.shape
        mask: Any = np.zeros(image.shape, np.uint8)
        for file in mask_files:
            one: Any = (pydicom.dcmread(raw / file).pixel_array > 0).astype(np.uint8) * 255
            if one.shape != image.shape:
                one = cv2.resize(one, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
            mask |= one
        factor = min(1.0, long_side / max(height, width)) if long_side else 1.0
        if factor < 1:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        cv2.imwrite(str(out / name), image)
        cv2.imwrite(str(out / 'masks' / Path(name).name), mask)
