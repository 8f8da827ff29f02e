"""Images alone of a hospital: a folder of mammograms that nobody annotated."""

from collections.abc import Mapping
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.hospital.disk import find_images
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Entry, Gaps, Problem, Raw, collect
from mmseg_mammo.preparation.hospital.folders import path_below, unknown_files
from mmseg_mammo.preparation.hospital.names import find_mask_like, nfc, stem_of
from mmseg_mammo.preparation.hospital.spelling import fixed_cells

_MASK_SUFFIX = '_mask'


def list_images(
    images: Path, fixed: Mapping[str, str], gaps: Gaps, image_suffix: str = ''
) -> tuple[list[Entry], list[Problem]]:
    """Take every image of a folder as not annotated.

    Args:
        images: Searched with its subfolders, links followed.
        fixed: Column -> a value for every image.
        gaps: How to fill what file names do not tell.
        image_suffix: What the stem of an image ends with (``_FULL``); others are left out.

    Returns:
        As :func:`.read_hospital_table`.

    Raises:
        DataIndexError: The folder does not exist or holds no image; an image is named like the
            mask of another one; or ``fixed`` says something of annotations, or has a column or
            value that there is not.
    """
    empty = fixed_cells(fixed, COLUMNS)
    for name in ('annotated', 'mask', 'finding', 'pathology'):
        if fixed.get(name):
            raise DataIndexError(
                f'--set {name}={fixed[name]} of images that are --not-annotated',
                'images that nobody looked at',
                'Leave it out, or give the annotations in a --table',
            )
    found, suffix = find_images(images), nfc(image_suffix)
    taken = [path for path in found.images if stem_of(path.name).endswith(suffix)]
    if not taken:
        raise DataIndexError(f'{images}: no image whose name ends with {suffix!r}')
    masks = find_mask_like({stem_of(path.name) for path in taken}, _MASK_SUFFIX)
    if masks:
        name, of = min(masks.items())
        raise DataIndexError(
            f'{images}: {len(masks)} images are named like the mask of another image, such as '
            f'{name} of {of}',
            remedy='Give their folder as --masks too, with --mask-suffix, or take them out',
        )
    cells = {**empty, 'annotated': 'no', 'mask': ''}
    relatives = [path_below(path, images) for path in taken]
    raw = [Raw(relative, {**cells, 'image': relative}) for relative in relatives]
    entries, bad = collect(raw, images, gaps)
    return entries, unknown_files(found.others, images, suffix) + bad
