"""Folder input of a hospital: pairs image and mask files by name, and checks each pair.

An image without mask may mean that a reader found nothing. So nothing that may be a mask is
left aside in silence: no file that cannot be read, and none whose name fits no image.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.image import is_image
from mmseg_mammo.preparation.hospital.disk import (
    fault_of,
    find_images,
    place_of,
    resolve_links,
    why_no_image,
)
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Entry, Gaps, Problem, Raw, collect
from mmseg_mammo.preparation.hospital.names import MaskNames, find_mask_like, nfc, stem_of, stems_of
from mmseg_mammo.preparation.hospital.segmentations import find_segmented
from mmseg_mammo.preparation.hospital.spelling import fixed_cells


@dataclass
class _Case:
    """Everything under one name: images; masks with the number of their region; what is no mask."""

    images: list[Path] = field(default_factory=list)
    masks: list[tuple[str, Path]] = field(default_factory=list)
    lost: list[Path] = field(default_factory=list)


@dataclass
class _Files:
    """What two folders hold.

    ``images`` and ``masks`` are of a known kind; ``lost`` may be masks, ``unknown`` images.
    ``strays`` are masks among the images, and ``beside`` is no picture; both matter where an
    image has no mask.
    """

    images: list[Path]
    masks: list[Path]
    lost: list[Path]
    unknown: list[Path]
    strays: list[Path]
    beside: list[Path]


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
        images: Searched with its subfolders, links followed.
        masks: The same folder, or another one.
        mask_suffix: What the stem of a mask ends with (``_mask``). ``x_mask`` and ``x_mask_1``
            are regions of the image ``x``. A DICOM SEG is that of the images whose UIDs it names.
        fixed: Column -> a value for every image.
        gaps: How to fill what file names do not tell.
        image_suffix: What the stem of an image ends with (``_FULL``); other files are no
            images. Image and mask are those whose stems agree but for their suffixes. Where
            several images have one stem, their folders must agree too.

    Returns:
        As :func:`read_hospital_table`.

    Raises:
        DataIndexError: A folder does not exist or holds no image; there is a mask that no image
            has: as a rule the misnamed one of an image that would pass for normal; or an image
            is named like the mask of another one; or ``fixed`` has a column or value that there
            is not.
    """
    empty = fixed_cells(fixed, COLUMNS)
    masks = images if resolve_links(images) == resolve_links(masks) else masks
    if masks == images and not mask_suffix:
        raise DataIndexError(f'{images} holds images and masks', remedy='Give --mask-suffix')
    mask_suffix, image_suffix = nfc(mask_suffix), nfc(image_suffix)
    files = _sort_files(images, masks, mask_suffix)
    cases: defaultdict[str, _Case] = defaultdict(_Case)
    for path in files.images:
        if stem_of(path.name).endswith(image_suffix):
            cases[stem_of(path.name).removesuffix(image_suffix)].images.append(path)
    _stop_at_mask_like(cases, mask_suffix)
    names = MaskNames(cases, mask_suffix)
    segmented, by_name = find_segmented(files.masks, files.images)
    orphans = [path for path in by_name if not _file(path, cases, names)]
    orphans += [path for path in files.lost if not _lose(path, cases, names)]
    orphans += [path for path in files.strays if not _lose(path, cases, names, True)]
    _stop_at_orphans(orphans, masks)
    for path in files.beside:
        _lose(path, cases, names, only_maskless=True)
    problems = unknown_files(files.unknown, images, image_suffix)
    raw = []
    for case in cases.values():
        for image, chosen, problem in _match_masks(case, images, masks):
            relative = path_below(image, images)
            if problem:
                problems.append(Problem(relative, relative, problem, resolve_links(image)))
                continue
            regions = (*chosen, *segmented.get(image, ()))
            for mask in [str(path.absolute()) for path in regions] or ['']:
                raw.append(Raw(relative, {**empty, 'image': relative, 'mask': mask}))
    entries, bad = collect(sorted(raw, key=lambda row: Path(row.place)), images, gaps)
    return entries, problems + bad


def _sort_files(images: Path, masks: Path, mask_suffix: str) -> _Files:
    """Sort what lies in both folders, which may be one, or one inside the other."""
    seen = find_images(images)
    there = seen if masks == images else find_images(masks)
    marked = MaskNames((), mask_suffix).is_marked
    places = {place_of(path) for path in (*seen.images, *seen.others, *seen.beside)}
    # Without a suffix, everything in a folder of masks among the images is a mask.
    below = not mask_suffix and places.issuperset(map(place_of, (*there.images, *there.others)))

    def is_mask(path: Path) -> bool:
        # In a folder of masks only, a file without the suffix is a misnamed mask.
        return marked(path.name) or below or place_of(path) not in places

    in_masks = [path for path in (*there.images, *there.others) if is_mask(path)]
    taken = {place_of(path) for path in in_masks}
    usable, pictures = set(there.images), set(seen.images)
    outside = [path for path in (*seen.images, *seen.others) if place_of(path) not in taken]
    unmarked = [path for path in outside if not marked(path.name)]
    return _Files(
        images=[path for path in unmarked if path in pictures],
        masks=[path for path in in_masks if path in usable],
        lost=[path for path in in_masks if path not in usable],
        unknown=[path for path in unmarked if path not in pictures],
        strays=[path for path in outside if marked(path.name)],
        beside=[path for path in there.beside if is_mask(path)],
    )


def unknown_files(paths: Sequence[Path], images: Path, image_suffix: str) -> list[Problem]:
    """A problem for every file among the images that cannot be read as one."""
    return [
        Problem(path_below(path, images), path_below(path, images), f'it {why_no_image(path)}')
        for path in paths
        if any(stem.endswith(image_suffix) for stem in stems_of(path.name))
    ]


def _file(path: Path, cases: Mapping[str, _Case], names: MaskNames) -> bool:
    found = names.parse(stem_of(path.name))
    if found:
        cases[found[0]].masks.append((found[1], path))
    return found is not None


def _lose(
    path: Path, cases: Mapping[str, _Case], names: MaskNames, only_maskless: bool = False
) -> bool:
    """Note that ``path`` has the name of a mask and cannot be used as one."""
    found = next(filter(None, map(names.parse, stems_of(path.name))), None)
    if found and not (only_maskless and cases[found[0]].masks):
        cases[found[0]].lost.append(path)
    return found is not None


def _match_masks(
    case: _Case, images: Path, masks: Path
) -> Iterator[tuple[Path, Sequence[Path], str]]:
    """Each image with its masks, or with why these cannot be told."""
    regions = sorted(case.masks, key=lambda region: (int(region[0] or -1), region[1]))
    by_folder: defaultdict[Path, list[tuple[str, Path]]] = defaultdict(list)
    for number, path in regions:
        by_folder[path.parent.relative_to(masks)].append((number, path))
    folders = Counter(path.parent.relative_to(images) for path in case.images)
    alone = len(case.images) == 1
    lone = [path for folder in by_folder.keys() - folders.keys() for _, path in by_folder[folder]]
    for image in case.images:
        folder = image.parent.relative_to(images)
        chosen = regions if alone else by_folder[folder]
        names = _list_paths((path for _, path in chosen), masks)
        problem = ''
        if case.lost:
            path = case.lost[0]
            problem = f'{path} has the name of its mask, but it {_why(path)}'
        elif not alone and (lone or (folders[folder] > 1 and chosen)):
            problem = (
                f'several images have this name: {_list_paths(case.images, images)}; which of them '
                f'has the mask {_list_paths(lone, masks) or names}?'
            )
        elif len({number for number, _ in chosen}) < len(chosen):
            problem = f'several masks: {names}'
        yield image, [path for _, path in chosen], problem


def _why(path: Path) -> str:
    return fault_of(path) or (
        'lies outside of the folder of masks' if is_image(path) else why_no_image(path)
    )


def path_below(path: Path, root: Path) -> str:
    """A path as a table would give it, from its folder on."""
    inside = path.is_relative_to(root)
    return (path.relative_to(root) if inside else path).as_posix()


def _list_paths(paths: Iterable[Path], root: Path) -> str:
    return ', '.join(path_below(path, root) for path in paths)


def _stop_at_mask_like(cases: Mapping[str, _Case], mask_suffix: str) -> None:
    found = find_mask_like(cases, mask_suffix)
    if found:
        lines = [f'\n  {cases[name].images[0]}, of {of}' for name, of in sorted(found.items())]
        raise DataIndexError(
            f'{len(found)} images are named like the mask of another image',
            f'masks that end with {mask_suffix!r}, or with {mask_suffix + "_1"!r} and so on',
            f'Give another --mask-suffix, or rename these files:{"".join(lines)}',
        )


def _stop_at_orphans(orphans: Sequence[Path], masks: Path) -> None:
    if orphans:
        lines = [f'\n  {path_below(path, masks)}' for path in sorted(orphans)]
        raise DataIndexError(
            f'{masks}: {len(orphans)} masks that no image has',
            'stems that agree but for --image-suffix and --mask-suffix, of known kinds of files',
            'Give what the stems of images and masks end with, as in --image-suffix _FULL '
            '--mask-suffix _MASK; rename these files, or take them out of the folder:'
            + ''.join(lines),
        )
