"""DICOM segmentations (SEG): a mask on the grid of its image, for archives and viewers.

A segmentation is a DICOM object of its own. It belongs to the patient and the study of its image,
so it carries their names, and it names the image that it lies on. Names of patients go from file
to file: no message, log or warning holds them.
"""

import importlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import DataFileError, HostError, MammoError
from mmseg_mammo.io.dicom.header import is_filled
from mmseg_mammo.io.dicom.reader import DicomInfo, read_dataset
from mmseg_mammo.io.dicom.segmentation_object import (
    Segment,
    Software,
    build_segmentation,
    images_of,
    references_of,
    segment_numbers_of,
    segments_of,
)
from mmseg_mammo.io.dicom.silence import silence
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.version import __version__

# What a segmentation has to name.
_NAMED = ('SOPClassUID', 'SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID')


_STORAGE = ('1.2.840.10008.5.1.4.1.1.66.4', '1.2.840.10008.5.1.4.1.1.66.7')  # SEG, label map


@dataclass(frozen=True)
class SegmentationInfo:
    """What the header of a SEG says: UIDs of its images, and its segments."""

    images: tuple[str, ...]
    segments: tuple[Segment, ...]


def write_segmentation(
    source: Path,
    mask: np.ndarray,
    out: Path,
    *,
    model: str,
    version: str = __version__,
    serial: str = '',
    parameters: Mapping[str, str] | None = None,
    empty: bool = False,
) -> Path | None:
    """Write a mask as a DICOM SEG of type BINARY with the one segment ``Lesion``.

    The UIDs follow from the UID of the image, ``model``, ``version`` and ``serial``; that of the
    instance also from the mask. A repeated run hence writes the same object again, and
    another threshold adds an instance to the same series.

    Args:
        source: The DICOM file that the mask was made of. Its pixels are not read.
        mask: H×W bool, on the stored rows and columns of ``source``.
        out: The file to write, atomically. One that exists is replaced.
        model: Name of the model. What is no ASCII becomes ``?``; 64 characters are kept.
        version: Version of the software that made the mask.
        serial: What identifies the weights, such as the SHA-256 of the checkpoint.
        parameters: Names and values of what else shaped the mask, such as its threshold.
        empty: Whether a mask without lesion is written too. Else there is no file, and one of
            an earlier run is removed.

    Returns:
        ``out``, or None where nothing was written.

    Raises:
        DataFileError: ``source`` is not one readable frame, or lacks what a SEG must name.
        HostError: highdicom is not installed.
        MammoError: The mask is not bool, or has another shape than the image; ``out`` is
            ``source``.
    """
    check_highdicom()
    with silence():  # what pydicom and highdicom say of odd values quotes them, names included
        dataset, info = read_dataset(source, stop_before_pixels=True)
        _check_request(source, dataset, info, mask, out)
        if not (empty or mask.any()):
            out.unlink(missing_ok=True)
            return None
        try:
            seg = build_segmentation(
                dataset, info, mask, Software(model, version, serial, parameters or {})
            )
            write_atomic(out, lambda stream: seg.save_as(stream, enforce_file_format=True))
        except OSError:
            raise
        # highdicom and pydicom raise many types; their texts may quote the header.
        except Exception as error:  # noqa: BLE001 - not chained: a traceback would quote too
            raise DataFileError(
                f'{source}: no DICOM SEG can be made for it ({type(error).__name__})',
                'mammograms with a valid header',
                'Check its header, for example with dciodvfy',
            ) from None
    return out


def read_segmentation_info(path: Path, strict: bool = False) -> SegmentationInfo | None:
    """Read the header of a DICOM file; None if it is no SEG.

    Args:
        path: Any DICOM file.
        strict: Whether one that cannot be read is an error. Else there is None for it too, and
            whoever reads its pixels says what is wrong.

    Raises:
        DataFileError: ``strict``, and the header cannot be read.
    """
    with silence():
        try:
            dataset, _ = read_dataset(path, stop_before_pixels=True)
            if str(dataset.get('SOPClassUID') or '') not in _STORAGE:
                return None
            named = (*images_of(dataset), *references_of(dataset))
            names = dict.fromkeys(filter(None, named))
            return SegmentationInfo(tuple(names), tuple(segments_of(dataset)))
        except DataFileError:
            if strict:
                raise
        except Exception as error:  # noqa: BLE001 - not chained: a traceback would quote too
            if strict:
                reason = type(error).__name__
                raise DataFileError(f'{path}: its frames cannot be read ({reason})') from None
    return None


def list_segments(segments: Iterable[Segment]) -> str:
    """Their numbers and labels, for messages."""
    return ', '.join(f'{one.number} {one.label}'.strip() for one in segments)


def lesion_segments(
    path: Path, info: SegmentationInfo, wanted: Collection[int] = ()
) -> list[Segment]:
    """The segments of a SEG that are lesions.

    Args:
        path: For messages.
        info: Its header.
        wanted: Their numbers; empty takes all, if they show one kind of thing.

    Raises:
        DataFileError: No numbers are given, and the segments show several kinds, such as a breast
            and a lesion.
    """
    used = [one for one in info.segments if not wanted or one.number in wanted]
    if not wanted and len({one.kind for one in used}) > 1:
        raise DataFileError(
            f'{path}: segments of several kinds ({list_segments(info.segments)}), not all of which may be lesions',
            'segments of one kind',
            'Say which are lesions: --lesion-values and their numbers',
        )
    return used


def read_segmentation(path: Path, segments: Collection[int] = ()) -> dict[str, np.ndarray]:
    """Read a DICOM SEG: for each image that it names, the union of its segments.

    Args:
        path: A SEG of type BINARY or LABELMAP, by whatever software. Needs no highdicom.
        segments: Numbers of the segments that count; empty takes all.

    Returns:
        SOP Instance UID of the image → mask, H×W bool, on the rows and columns of the SEG.

    Raises:
        DataFileError: It is no SEG, holds probabilities (FRACTIONAL), cannot be read, or a frame
            does not say which image it lies on, or, where ``segments`` are chosen, which it is of.
    """
    with silence():  # what pydicom and highdicom say of odd values quotes them, names included
        dataset, _ = read_dataset(path, stop_before_pixels=False)
        kind = str(dataset.get('SegmentationType') or '')
        if kind not in ('BINARY', 'LABELMAP'):
            raise DataFileError(
                f'{path}: {f"Segmentation Type {kind}" if kind else "not a DICOM SEG"}',
                'DICOM SEG of the types BINARY and LABELMAP',
            )
        try:
            frames = np.asarray(dataset.pixel_array)
            names = images_of(dataset)
            # A frame of a label map holds the numbers of its segments as values.
            numbers = segment_numbers_of(dataset) if kind == 'BINARY' else [0] * len(names)
        except Exception as error:  # noqa: BLE001 - not chained: a traceback would quote too
            reason = type(error).__name__
            raise DataFileError(f'{path}: its frames cannot be read ({reason})') from None
    masks: dict[str, np.ndarray] = {}
    frames = frames if frames.ndim == 3 else frames[None]
    for name, number, frame in zip(names, numbers, frames, strict=True):
        if not name:
            raise DataFileError(
                f'{path}: a frame does not name its image',
                'segmentations whose frames name the image that they lie on',
            )
        if segments and kind == 'BINARY' and not number:
            raise DataFileError(f'{path}: a frame does not name its segment')
        region = (frame > 0) * number if kind == 'BINARY' and segments else frame
        found = np.isin(region, list(segments)) if segments else region > 0
        masks[name] = masks.get(name, False) | found
    return masks


def check_highdicom() -> None:
    """See that DICOM SEG can be written.

    Raises:
        HostError: highdicom is not installed.
    """
    try:
        importlib.import_module('highdicom.seg')
    except ImportError as error:
        raise HostError(
            'DICOM SEG needs the package highdicom, which is not installed',
            remedy="pip install '.[seg]' in the repository",
        ) from error


def _check_request(
    source: Path, dataset: Any, info: DicomInfo, mask: np.ndarray, out: Path
) -> None:
    if out.exists() and out.samefile(source):
        raise MammoError(f'{out}: this is the image itself', 'another file for its segmentation')
    frames = dataset.get('NumberOfFrames') or 1
    if frames != 1:
        raise DataFileError(f'{source}: {frames} frames', 'images of one frame')
    if missing := [name for name in _NAMED if not is_filled(dataset.get(name))]:
        raise DataFileError(
            f'{source}: no {" and no ".join(missing)}',
            'images that name their patient study, series and instance by UIDs',
            'Export the image from the archive again; UIDs are never made up',
        )
    if mask.dtype != np.bool_:
        raise MammoError(f'{source}: a mask of {mask.dtype}', 'bool')
    if mask.shape != (info.rows, info.columns):
        shape = '×'.join(map(str, mask.shape))
        raise MammoError(
            f'{source}: a mask of {shape} pixels on an image of {info.rows}×{info.columns}',
            'a mask on the grid of the original file',
        )
