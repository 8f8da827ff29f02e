"""A hospital's folders of images and masks -> one checked entry per image."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.dicom import is_dicom
from mmseg_mammo.preparation.hospital_table import COLUMNS, Entry, Gaps, Problem, collect
from mmseg_mammo.preparation.images import RASTER_SUFFIXES


def pair_folders(
    images: Path, masks: Path, mask_suffix: str, fixed: Mapping[str, str], gaps: Gaps
) -> tuple[list[Entry], list[Problem]]:
    """Pair the images of one folder with the masks of another by their stems.

    Args:
        images: Searched with its subfolders.
        masks: The same folder, or another one.
        mask_suffix: What the stem of a mask adds to that of its image (``_mask``).
        fixed: Column -> a value for every image.
        gaps: How to fill what file names do not tell.

    Returns:
        As :func:`read_hospital_table`. A mask that no image has is a problem: as a rule it is
        the misspelt one of an image that would pass for one without lesion.

    Raises:
        DataIndexError: A folder does not exist or holds no image.
    """
    if images.resolve() == masks.resolve() and not mask_suffix:
        raise DataIndexError(f'{images} holds images and masks', remedy='Give --mask-suffix')
    by_stem: defaultdict[str, list[Path]] = defaultdict(list)
    for path in _image_files(masks):
        if path.stem.endswith(mask_suffix):
            by_stem[path.stem].append(path)
    raw, problems = [], []
    used: set[str] = set()
    for path in _image_files(images):
        if mask_suffix and path.stem.endswith(mask_suffix):
            continue
        relative = path.relative_to(images).as_posix()
        stem = path.stem + mask_suffix
        found = by_stem.get(stem, [])
        used.add(stem)
        if len(found) > 1:
            names = ', '.join(str(mask.relative_to(masks)) for mask in found)
            problems.append(Problem(relative, relative, f'several masks: {names}'))
            continue
        mask = str(found[0].resolve()) if found else ''
        cells = {**dict.fromkeys(COLUMNS, ''), **fixed, 'image': relative, 'mask': mask}
        raw.append((relative, cells))
    for stem in sorted(by_stem.keys() - used):
        name = str(by_stem[stem][0].relative_to(masks))
        problems.append(Problem(name, '', 'a mask without image (check --mask-suffix)'))
    entries, bad = collect(raw, images, gaps)
    return entries, problems + bad


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataIndexError(f'{folder}: no such folder', remedy='Check the path')
    paths = [path for path in folder.rglob('*') if not path.name.startswith('.')]
    known = [
        path
        for path in paths
        if path.is_file() and (path.suffix.lower() in RASTER_SUFFIXES or is_dicom(path))
    ]
    if not known:
        raise DataIndexError(f'{folder}: no image in it', f'DICOM, {", ".join(RASTER_SUFFIXES)}')
    return sorted(known)
