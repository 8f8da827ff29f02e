"""One CBIS-DDSM image: from its raw files to an image and a merged mask. One job per image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.preparation.cbis_resolve import (
    Instance,
    UnresolvedError,
    find_crop,
    find_mask,
    lesion_pixels,
    placement_repair,
    read_instance,
    shape_repair,
)
from mmseg_mammo.preparation.cbis_table import Abnormality
from mmseg_mammo.preparation.images import resize_mask
from mmseg_mammo.preparation.writing import pair_record, write_pair


@dataclass(frozen=True)
class Region:
    """One abnormality and the files, relative to the root, that may be its mask or crop."""

    case: Abnormality
    files: tuple[str, ...]


@dataclass(frozen=True)
class ImageJob:
    """One output image: the files that may be the full image, and all regions of it."""

    name: str
    root: Path
    images: tuple[str, ...]
    regions: tuple[Region, ...]
    long_side: int

    @property
    def inputs(self) -> list[Path]:
        """Every file that may be read."""
        files = [*self.images, *(path for region in self.regions for path in region.files)]
        return [self.root / path for path in files]


@dataclass(frozen=True)
class Outcome:
    """What became of one region; a non-empty ``reason`` means that it has no mask."""

    mask_file: str = ''
    crop_file: str = ''
    rule: str = ''
    repairs: str = ''
    reason: str = ''
    detail: str = ''


def make_image(job: ImageJob, out: Path) -> dict[str, Any]:
    """Resolve all regions of an image and write it with the union of their masks.

    An image with a region that cannot be resolved is not written: its mask would call a known
    lesion healthy tissue.

    Args:
        job: What to read.
        out: The output folder.

    Returns:
        The record of the written pair with ``image_file`` and one outcome per region under
        ``regions``; with a key ``error`` if nothing was written.
    """
    outcomes: list[Outcome] = []
    image_file = ''
    try:
        image = _full_image(job)
        image_file = image.path.relative_to(job.root).as_posix()
        lesions = np.zeros(image.shape, dtype=bool)
        for region in job.regions:
            outcome, mask = resolve_region(region, job.root, image.shape)
            outcomes.append(outcome)
            if mask is not None:
                lesions |= resize_mask(mask, image.shape)
        complete = not any(outcome.reason for outcome in outcomes)
        pixels = image.pixels if complete else None
    except UnresolvedError as error:
        outcomes, pixels = [_failure(error)] * len(job.regions), None
    except DataFileError as error:
        unreadable = UnresolvedError('image unreadable', str(error))
        outcomes, pixels = [_failure(unreadable)] * len(job.regions), None
    facts = {'image_file': image_file, 'regions': [asdict(outcome) for outcome in outcomes]}
    if pixels is None:
        return {'error': 'unresolved regions', **facts}
    return pair_record(write_pair(out, job.name, pixels, lesions, job.long_side), **facts)


def resolve_region(
    region: Region, root: Path, image_shape: tuple[int, int]
) -> tuple[Outcome, np.ndarray | None]:
    """Find the mask of one region.

    Args:
        region: The abnormality and its candidate files.
        root: The folder that the files are relative to.
        image_shape: (H, W) of the full image.

    Returns:
        What happened; and the lesion pixels, bool on the grid of the mask file, which differs
        from ``image_shape`` if the outcome names a repair of scale. None if unresolved.
    """
    instances, broken = _read_instances(root, region.files)
    try:
        mask, rule = find_mask(instances, image_shape)
        if mask.pixels.min() == mask.pixels.max():
            detail = f'{mask}: every pixel is {mask.pixels.max()}'
            raise UnresolvedError('empty mask', detail)
    except DataFileError as error:
        return _failure(UnresolvedError('mask unreadable', str(error))), None
    except UnresolvedError as error:
        if broken and error.reason == 'mask missing':
            error = UnresolvedError('mask unreadable', '; '.join(broken))
        return _failure(error), None
    crop = find_crop(instances, mask)
    repairs = (
        placement_repair(region.case, mask, instances),
        shape_repair(mask.shape, image_shape),
    )
    height, width = mask.shape
    outcome = Outcome(
        mask_file=mask.path.relative_to(root).as_posix(),
        crop_file=crop.path.relative_to(root).as_posix() if crop else '',
        rule=rule,
        repairs='+'.join(filter(None, repairs)),
        detail=f'mask {height}×{width}, image {image_shape[0]}×{image_shape[1]}'
        if repairs[1]
        else '',
    )
    return outcome, lesion_pixels(mask.pixels)


def _full_image(job: ImageJob) -> Instance:
    instances, broken = _read_instances(job.root, job.images)
    if not instances:
        reason = 'image unreadable' if broken else 'image missing'
        raise UnresolvedError(reason, '; '.join(broken))
    return max(instances, key=lambda instance: instance.shape[0] * instance.shape[1])


def _read_instances(root: Path, files: Sequence[str]) -> tuple[list[Instance], list[str]]:
    instances, broken = [], []
    for path in files:
        try:
            instances.append(read_instance(root / path))
        except DataFileError as error:
            broken.append(str(error))
    return instances, broken


def _failure(error: UnresolvedError) -> Outcome:
    return Outcome(reason=error.reason, detail=error.detail)
