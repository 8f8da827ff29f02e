"""A hospital's folders of images and masks -> one checked entry per image."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.dicom import is_dicom
from mmseg_mammo.preparation.hospital_table import COLUMNS, Entry, Gaps, Problem, collect
from mmseg_mammo.preparation.images import RASTER_SUFFIXES


def pair_folders(
    images: Path,
    masks: Path,
    mask_suffix: str,
    fixed: Mapping[str, str],
    gaps: Gaps,
    image_suffix: str = '',
) -> tuple[list[Entry], list[Problem]]:
    """Pair the images of one folder with the masks of another by their stems.

    Args:
        images: Searched with its subfolders.
        masks: The same folder, or another one.
        mask_suffix: What the stem of a mask ends with (``_mask``).
        fixed: Column -> a value for every image.
        gaps: How to fill what file names do not tell.
        image_suffix: What the stem of an image ends with (``_FULL``); other files are no
            images. Image and mask are those whose stems agree but for their suffixes.

    Returns:
        As :func:`read_hospital_table`.

    Raises:
        DataIndexError: A folder does not exist or holds no image; or there is a mask that no
            image has: as a rule the misnamed one of an image that would pass for normal.
    """
    if images.resolve() == masks.resolve() and not mask_suffix:
        raise DataIndexError(f'{images} holds images and masks', remedy='Give --mask-suffix')
    by_stem: defaultdict[str, list[Path]] = defaultdict(list)
    inside = images.resolve()
    for path in _image_files(masks):
        # In a folder of masks only, a file without the suffix is a misnamed mask.
        if path.stem.endswith(mask_suffix) or inside not in path.resolve().parents:
            by_stem[path.stem].append(path)
    raw, problems = [], []
    used: set[str] = set()
    for path in _image_files(images):
        is_mask = bool(mask_suffix) and path.stem.endswith(mask_suffix)
        if is_mask or not path.stem.endswith(image_suffix):
            continue
        relative = path.relative_to(images).as_posix()
        stem = path.stem.removesuffix(image_suffix) + mask_suffix
        found = by_stem.get(stem, [])
        used.add(stem)
        if len(found) > 1:
            names = ', '.join(str(mask.relative_to(masks)) for mask in found)
            problems.append(Problem(relative, relative, f'several masks: {names}'))
            continue
        mask = str(found[0].resolve()) if found else ''
        cells = {**dict.fromkeys(COLUMNS, ''), **fixed, 'image': relative, 'mask': mask}
        raw.append((relative, cells))
    _stop_at_orphans([path for stem in by_stem.keys() - used for path in by_stem[stem]], masks)
    entries, bad = collect(raw, images, gaps)
    return entries, problems + bad


def _stop_at_orphans(orphans: Sequence[Path], masks: Path) -> None:
    if orphans:
        names = ''.join(f'\n  {path.relative_to(masks)}' for path in sorted(orphans))
        raise DataIndexError(
            f'{masks}: {len(orphans)} masks that no image has',
            'stems that agree but for --image-suffix and --mask-suffix',
            'Give what the stems of images and masks end with, as in --image-suffix _FULL '
            f'--mask-suffix _MASK; rename these files, or take them out of the folder:{names}',
        )


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
