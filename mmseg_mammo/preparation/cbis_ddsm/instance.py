"""Instance files of CBIS-DDSM: describe each file by its header, and tell which series owns it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.dicom.reader import is_dicom, read_info
from mmseg_mammo.io.image import RASTER_SUFFIXES, read_image, read_raster
from mmseg_mammo.preparation.cbis_ddsm.table import NAME, UID


@dataclass(eq=False)
class Instance:
    """One image file; its header is read at once, its pixels on first use.

    ``shape`` is (H, W) in pixels, ``bits`` the allocated bits per pixel, ``series`` the
    SeriesInstanceUID, ``uid`` the SOPInstanceUID, which copies share, ``patient`` the PatientID.
    Raster files have no header to speak of: they are decoded at once, the last UID in their path
    is taken as the series, and the other texts are empty.
    """

    path: Path
    shape: tuple[int, int]
    bits: int
    series: str
    description: str = ''
    uid: str = ''
    patient: str = ''

    @property
    def has_header(self) -> bool:
        """Whether the file is the DICOM original of the collection, not a picture made from it."""
        return self.path.suffix.lower() not in RASTER_SUFFIXES

    @cached_property
    def pixels(self) -> np.ndarray:
        """Grey levels, H×W, uint8 or uint16 (raises DataFileError)."""
        return read_image(self.path, voi=False)

    def __str__(self) -> str:
        height, width = self.shape
        return f'{self.path.name} ({height}×{width}, {self.bits} bits)'


def read_instance(path: Path) -> Instance:
    """Describe one file of a series.

    Raises:
        DataFileError: Its header, or the raster file, cannot be read.
    """
    if is_dicom(path):
        info = read_info(path)
        shape = (info.rows, info.columns)
        return Instance(
            *(path, shape, info.bits_allocated, info.series_uid, info.series_description),
            *(info.sop_uid, info.patient_id),
        )
    pixels = read_raster(path)
    height, width = pixels.shape
    series = (UID.findall(str(path)) or [path.parent.name])[-1]
    instance = Instance(path, (height, width), pixels.itemsize * 8, series)
    instance.pixels = pixels
    return instance


def is_stranger(instance: Instance, series: Collection[str], names: Collection[str]) -> bool:
    """Whether the header of a file says that it is of another image or region of the collection.

    Args:
        instance: The file.
        series: The SeriesInstanceUIDs that it may have.
        names: The names of an image or abnormality that it may have as PatientID.
    """
    known = NAME.fullmatch(instance.patient) is not None
    return known and instance.patient not in names and instance.series not in series


def best_first(instances: Sequence[Instance]) -> list[Instance]:
    """The instances with the most pixels; those with a header, and with more bits, first."""
    size = max(i.shape[0] * i.shape[1] for i in instances)
    largest = [i for i in instances if i.shape[0] * i.shape[1] == size]
    return sorted(largest, key=lambda i: (i.has_header, i.bits), reverse=True)


@dataclass(frozen=True)
class Found:
    """The usable files of an image or region, and notes on those that are not usable."""

    instances: list[Instance]
    broken: list[str]
    strangers: list[str]


def read_instances(
    root: Path, files: Sequence[str], series: Collection[str], names: Collection[str]
) -> Found:
    """Describe the files of an image or a region.

    Args:
        root: The folder that ``files`` are relative to.
        files: The candidates.
        series: The SeriesInstanceUIDs that they may have.
        names: The names of images or abnormalities that they may have as PatientID.
    """
    found = Found([], [], [])
    for path in files:
        try:
            instance = read_instance(root / path)
        except MammoError as error:
            found.broken.append(str(error))
            continue
        if is_stranger(instance, series, names):
            found.strangers.append(f'{path} is of {instance.patient} by its header')
        else:
            found.instances.append(instance)
    return found
