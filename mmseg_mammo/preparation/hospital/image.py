"""Image job of a hospital: reads one image with its masks, checks that they agree, writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.gpu import use_nvimagecodec
from mmseg_mammo.io.image import BRIGHT_AIR, air_is_bright, read_image
from mmseg_mammo.io.index import Row, merge_terms
from mmseg_mammo.io.mask import IMAGE_LABEL, MASK_KINDS
from mmseg_mammo.io.shapes.drawing import Drawing
from mmseg_mammo.preparation.dicom_facts import dicom_facts
from mmseg_mammo.preparation.hospital.entry import Entry
from mmseg_mammo.preparation.hospital.names import output_names
from mmseg_mammo.preparation.hospital.regions import read_region
from mmseg_mammo.preparation.hospital.spelling import DRAWN
from mmseg_mammo.preparation.output import (
    large_lesion_note,
    pair_record,
    row_from_record,
    write_pair,
)


@dataclass(frozen=True)
class PixelOptions:
    """The options that change pixels.

    Args:
        long_side: Pixels of the longer side after shrinking; 0 keeps full resolution.
        voi: Whether the VOI window or LUT of a DICOM image is applied.
        lesion_values: Mask values that mean lesion, for label maps; empty for binary masks.
        nvimagecodec: Whether JPEG 2000 is decoded by nvImageCodec.
    """

    long_side: int = 2048
    voi: bool = True
    lesion_values: tuple[int, ...] = ()
    nvimagecodec: bool = False


@dataclass(frozen=True)
class HospitalJob:
    """One output image; ``annotated`` is '' where the masks decide, and without masks it does."""

    name: str
    image: Path
    masks: tuple[Path | Drawing, ...]
    annotated: str

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (self.image, *(mask for mask in self.masks if isinstance(mask, Path)))


def make_jobs(groups: Sequence[Sequence[Entry]]) -> list[HospitalJob]:
    """One job per image, with the output names of :func:`output_names`."""
    names = output_names([group[0].relative for group in groups])
    return [
        HospitalJob(
            name=name,
            image=group[0].image,
            masks=tuple(entry.region for entry in group if entry.region is not None),
            annotated=group[0].annotated,
        )
        for name, group in zip(names, groups, strict=True)
    ]


def check_levels(image: np.ndarray, name: str, remedy: str) -> None:
    """Refuse an image of at most two values, which is no mammogram.

    Args:
        image: H×W grey levels.
        name: What the error calls it.
        remedy: What the error advises.

    Raises:
        DataFileError: It is one.
    """
    if ((image == image.min()) | (image == image.max())).all():
        raise DataFileError(
            f'{name}: at most two values: empty, or a mask in the place of its image',
            'a mammogram',
            remedy,
        )


def make_image(job: HospitalJob, out: Path, options: PixelOptions) -> dict[str, Any]:
    """Read one image with its masks, check that they agree, and write them.

    Returns:
        The record of :func:`mmseg_mammo.preparation.output.pair_record`, with ``annotated``,
        ``note`` and the facts of :func:`.dicom_facts`.

    Raises:
        DataFileError: A file cannot be decoded, a mask is not binary or of another shape, or
            the masks contradict ``job.annotated``.
    """
    if options.nvimagecodec:
        use_nvimagecodec()
    notes: list[str] = []
    image = read_image(job.image, voi=options.voi, notes=notes)
    remedy = 'Export the image again, or correct the columns or folders of images and masks'
    check_levels(image, str(job.image), remedy)
    if air_is_bright(image):
        notes.append(BRIGHT_AIR)
    shape = (image.shape[0], image.shape[1])
    mask = np.zeros(shape, dtype=bool)
    for one in job.masks:
        region = read_region(one, job.image, shape, options.lesion_values, notes)
        if isinstance(one, Path) and not region.any() and len(job.masks) > 1:
            notes.append(f'{one.name} is empty')
        mask |= region
    found = 'lesion' if mask.any() else 'normal'
    if job.masks and {job.annotated, found} in ({'lesion', 'normal'}, {'lesion', 'no'}):
        raise DataFileError(
            f'{job.image}: annotated is {job.annotated!r}, its masks say {found!r}',
            'an annotated value that agrees with the masks',
            'Correct the table, or the mask, as whoever looked at the image says',
        )
    pair = write_pair(out, job.name, image, mask, options.long_side)
    notes.append(large_lesion_note(pair.lesion_share))
    note = '; '.join(filter(None, notes))
    facts = dicom_facts(job.image)
    return pair_record(pair, annotated=job.annotated or found, note=note, **facts)


def index_row(
    group: Sequence[Entry], record: Mapping[str, Any], mask_kind: str, source: str
) -> Row:
    """The row of one image in the index.

    Args:
        group: Its rows of the table. One weak region makes its mask a weak one.
        record: Of the written image.
        mask_kind: Of rows that tell none.
        source: Name of the data set.
    """
    first = group[0]
    kinds = {entry.mask_kind or mask_kind for entry in group}
    if IMAGE_LABEL not in kinds:
        kinds = {max(kinds, key=MASK_KINDS.index) if mask_kind in DRAWN else mask_kind}
    return row_from_record(
        record,
        patient_id=first.patient_id,
        laterality=first.laterality,
        view=first.view,
        split=first.split,
        finding=merge_terms(entry.finding for entry in group),
        pathology=merge_terms(entry.pathology for entry in group),
        density=first.density,
        annotated=record['annotated'],
        mask_kind=max(kinds, key=MASK_KINDS.index),
        source=source,
    )
