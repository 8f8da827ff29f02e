"""Segmentations of a hospital: finds the images that the DICOM SEG files of a folder lie on."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import is_dicom, read_identity
from mmseg_mammo.io.dicom.segmentation import read_segmentation_info


def find_segmented(
    masks: Sequence[Path], images: Sequence[Path]
) -> tuple[dict[Path, list[Path]], list[Path]]:
    """Match DICOM SEG files to images by the UIDs that they name, whatever the file names.

    Args:
        masks: Files of masks, of all kinds.
        images: Files of images.

    Returns:
        Image -> the SEG files that lie on it; and the masks that are left for their names to
        tell: files that are no SEG, or that name the UID of none of the images.
    """
    named = {
        path: info for path in masks if is_dicom(path) and (info := read_segmentation_info(path))
    }
    if not named:
        return {}, list(masks)
    by_uid: defaultdict[str, list[Path]] = defaultdict(list)
    for image in images:
        by_uid[_uid(image)].append(image)
    found: defaultdict[Path, list[Path]] = defaultdict(list)
    used = set()
    for mask, info in named.items():
        for image in (one for uid in info.images for one in by_uid.get(uid, [])):
            found[image].append(mask)
            used.add(mask)
    return dict(found), [path for path in masks if path not in used]


def _uid(path: Path) -> str:
    try:
        return read_identity(path).sop_uid if is_dicom(path) else ''
    except DataFileError:  # said when it is read as an image
        return ''
