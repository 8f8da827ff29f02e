"""Image job of CBIS-DDSM: writes one image and its merged mask from the raw files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import BRIGHT_AIR, air_is_bright, resize_mask
from mmseg_mammo.io.index import PATHOLOGIES, Row, merge_terms
from mmseg_mammo.preparation.cbis_ddsm.instance import Found, Instance, best_first, read_instances
from mmseg_mammo.preparation.cbis_ddsm.resolve import (
    MISSING,
    UNDECIDED,
    UnresolvedError,
    find_crop,
    find_mask,
    has_two_levels,
    lesion_pixels,
    placement_repair,
    shape_repair,
)
from mmseg_mammo.preparation.cbis_ddsm.table import Abnormality
from mmseg_mammo.preparation.dicom_facts import dicom_facts
from mmseg_mammo.preparation.output import (
    INVERTED_SHARE,
    large_lesion_note,
    pair_record,
    row_from_record,
    share_of,
    write_pair,
)


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
class RegionOutcome:
    """What became of one region; a non-empty ``reason`` means that it has no mask."""

    mask_file: str = ''
    crop_file: str = ''
    rule: str = ''
    repairs: str = ''
    reason: str = ''
    detail: str = ''
    note: str = ''


def make_image(job: ImageJob, out: Path) -> dict[str, Any]:
    """Resolve all regions of an image and write it with the union of their masks.

    An image with a region that cannot be resolved is not written: its mask would call a known
    lesion healthy tissue.

    Args:
        job: What to read.
        out: The output folder.

    Returns:
        The record of the written pair with ``image_file``, the facts of its header, and one
        outcome per region under ``regions``; with a key ``error`` if nothing was written.
    """
    outcomes: list[RegionOutcome] = []
    image_file, note = '', ''
    try:
        images, broken = _full_images(job)
        shape = images[0].shape
        image_file = _instance_path(images[0], job.root)
        lesions = np.zeros(shape, dtype=bool)
        seen: dict[bytes, str] = {}
        for region in job.regions:
            outcome, mask = resolve_region(region, job.root, shape)
            if mask is not None:
                lesions |= resize_mask(mask, shape)
                digest = sha256(np.packbits(mask).tobytes()).digest()
                name = seen.setdefault(digest, region.case.name)
                if name != region.case.name:
                    outcome = _add_note(outcome, f'the same mask as {name}')
            outcomes.append(outcome)
        pixels = None
        if not any(outcome.reason for outcome in outcomes):
            image, note = _first_sound(images, broken)
            image_file, pixels = _instance_path(image, job.root), image.pixels
            if air_is_bright(pixels):
                note = '; '.join(filter(None, (note, BRIGHT_AIR)))
    except UnresolvedError as error:
        outcomes, pixels = [_failure(error)] * len(job.regions), None
    except MammoError as error:
        unreadable = UnresolvedError('image unreadable', str(error))
        outcomes, pixels = [_failure(unreadable)] * len(job.regions), None
    regions = [asdict(_add_note(outcome, note)) for outcome in outcomes]
    facts = {'image_file': image_file, 'regions': regions}
    if pixels is None:
        return {'error': 'unresolved regions', **facts}
    facts |= dicom_facts(job.root / image_file)
    return pair_record(write_pair(out, job.name, pixels, lesions, job.long_side), **facts)


def index_row(
    job: ImageJob, record: Mapping[str, Any], splits: Mapping[str, str], phantom: bool
) -> Row:
    """The index row of one written image."""
    cases = [region.case for region in job.regions]
    first = cases[0]
    return row_from_record(
        record,
        patient_id=first.patient_id,
        laterality=first.laterality,
        view=first.view,
        split=splits[first.patient_id],
        finding=merge_terms(case.finding for case in cases),
        pathology=merge_terms((case.pathology for case in cases), PATHOLOGIES),
        density=first.density,
        annotated='lesion',
        mask_kind='phantom' if phantom else 'contour',
        source='phantom-cbis' if phantom else 'cbis-ddsm',
    )


def resolve_region(
    region: Region, root: Path, image_shape: tuple[int, int]
) -> tuple[RegionOutcome, np.ndarray | None]:
    """Find the mask of one region.

    Args:
        region: The abnormality and its candidate files.
        root: The folder that the files are relative to.
        image_shape: (H, W) of the full image.

    Returns:
        What happened; and the lesion pixels, bool on the grid of the mask file, which differs
        from ``image_shape`` if the outcome names a repair of scale. None if unresolved.
    """
    case = region.case
    found = read_instances(root, region.files, (case.mask_series, case.crop_series), (case.name,))
    try:
        mask, rule = _mask_of(found, image_shape)
        lesion = _mask_lesion(mask)
    except UnresolvedError as error:
        return _failure(error), None
    repairs = (
        placement_repair(case, mask, found.instances),
        shape_repair(mask.shape, image_shape),
    )
    crop = find_crop(found.instances, mask)
    sizes = 'mask {}×{}, image {}×{}'.format(*mask.shape, *image_shape)
    outcome = RegionOutcome(
        mask_file=_instance_path(mask, root),
        crop_file=_instance_path(crop, root) if crop else '',
        rule=rule,
        repairs='+'.join(filter(None, repairs)),
        detail=sizes if repairs[1] else '',
        note=large_lesion_note(share_of(lesion)),
    )
    return outcome, lesion


def _mask_of(found: Found, image_shape: tuple[int, int]) -> tuple[Instance, str]:
    """The mask among the DICOM files; where they hold none, among pictures made from them."""
    failure = UnresolvedError(MISSING, 'found nothing')
    for own in (True, False):
        chosen = [i for i in found.instances if i.has_header is own]
        try:
            return find_mask(chosen, image_shape)
        except MammoError as error:
            failure = UnresolvedError('mask unreadable', str(error))
        except UnresolvedError as error:
            failure = error if chosen and failure.reason == MISSING else failure
            if error.reason != MISSING:
                break
    if found.broken and failure.reason in (MISSING, UNDECIDED):
        raise UnresolvedError('mask unreadable', '; '.join(found.broken))
    if failure.reason == MISSING:
        raise UnresolvedError(MISSING, '; '.join((failure.detail, *found.strangers)))
    raise failure


def _mask_lesion(mask: Instance) -> np.ndarray:
    """Lesion pixels of a mask, H×W bool."""
    if mask.pixels.min() == mask.pixels.max():
        raise UnresolvedError('empty mask', f'{mask}: every pixel is {mask.pixels.max()}')
    lesion = lesion_pixels(mask.pixels)
    if (share := share_of(lesion)) > INVERTED_SHARE:
        raise UnresolvedError('inverted mask', f'{mask}: {large_lesion_note(share)}')
    return lesion


def _full_images(job: ImageJob) -> tuple[list[Instance], list[str]]:
    """The full image and its copies, the best first; and what is said of damaged files."""
    series = {region.case.image_series for region in job.regions}
    names = {region.case.image_name for region in job.regions}
    found = read_instances(job.root, job.images, series, names)
    if not found.instances:
        reason = 'image unreadable' if found.broken else 'image missing'
        raise UnresolvedError(reason, '; '.join((*found.broken, *found.strangers)))
    return best_first(found.instances), found.broken


def _first_sound(images: Sequence[Instance], broken: Sequence[str]) -> tuple[Instance, str]:
    """The first image that can be decoded, and a note if a better one may be damaged."""
    errors = []
    for image in images:
        try:
            _ = image.pixels
        except MammoError as error:
            errors.append(error)
            continue
        if has_two_levels(image.pixels):
            raise UnresolvedError('blank image', f'{image}: at most two values, as in a mask')
        return image, '; '.join(f'a copy is used: {error}' for error in (*broken, *errors))
    raise errors[0]


def _instance_path(instance: Instance, root: Path) -> str:
    return instance.path.relative_to(root).as_posix()


def _add_note(outcome: RegionOutcome, note: str) -> RegionOutcome:
    return replace(outcome, note='; '.join(filter(None, (outcome.note, note))))


def _failure(error: UnresolvedError) -> RegionOutcome:
    return RegionOutcome(reason=error.reason, detail=error.detail)
