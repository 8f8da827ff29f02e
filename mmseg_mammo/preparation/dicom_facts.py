"""DICOM facts: what the header of an image tells for the optional columns of the index."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_mammo.io.dicom.reader import is_dicom, read_info
from mmseg_mammo.io.index import OPTIONAL
from mmseg_mammo.io.spacing import format_spacing

# Columns of the index that only a header tells.
OF_DICOM = tuple(name for name in OPTIONAL if name != 'mask_share')


def dicom_facts(path: Path) -> dict[str, str]:
    """The columns :data:`OF_DICOM` of an image, from its header; empty for other files than DICOM.

    Raises:
        DataFileError: The header cannot be read.
    """
    if not is_dicom(path):
        return dict.fromkeys(OF_DICOM, '')
    info = read_info(path)
    return {
        'study_uid': info.study_uid,
        'series_uid': info.series_uid,
        'sop_uid': info.sop_uid,
        'pixel_spacing': format_spacing(info.pixel_spacing),
        'imager_pixel_spacing': format_spacing(info.imager_pixel_spacing),
        'magnification': '' if info.magnification is None else f'{info.magnification:.10g}',
    }


def with_dicom_facts(record: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A record of a written image that has these facts, also one of a version that had none.

    Args:
        record: Of the journal; of an earlier version perhaps.
        path: The image that it was made from.
    """
    known = all(name in record for name in OF_DICOM)
    return dict(record) if known else {**record, **dicom_facts(path)}
