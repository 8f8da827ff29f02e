"""DICOM headers of CBIS-DDSM: identify the files whose names and folders do not.

The bucket of the Imaging Data Commons stores ``<uuid>/<uuid>.dcm``, and users rename and flatten
folders. In every header stand the SeriesInstanceUID of the tables, and as PatientID the name of
the image or abnormality.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import read_identity
from mmseg_mammo.preparation.cbis_ddsm.locate import Tree
from mmseg_mammo.preparation.cbis_ddsm.table import NAME, Abnormality


@dataclass(frozen=True)
class HeaderCount:
    """Counts of files whose headers were read, that belong to a row, and that lack a header."""

    read: int
    placed: int
    unreadable: int

    def __str__(self) -> str:
        return (
            f'Headers read: {self.read}, of files that no name places; {self.placed} of them belong '
            f'to rows of the tables, {self.unreadable} cannot be read'
        )


def file_by_header(tree: Tree, cases: Sequence[Abnormality]) -> HeaderCount:
    """Add to ``tree.files`` what only headers tell.

    Read are the headers of files that neither a series of the tables, nor a name, nor
    ``metadata.csv`` places; and of all files of an image of which something is missing, since
    its folders may have been merged.

    Args:
        tree: A scanned download; changed in place.
        cases: All rows of the tables.
    """
    series = {uid for case in cases for uid in _series(case)}
    names = {name for case in cases for name in (case.image_name, case.name)}
    placed = {
        *(path for key, paths in tree.files.items() if _places(key, series) for path in paths),
        *tree.find_by_metadata(tree.locations),
    }
    doubtful = set(_of_incomplete(tree, cases))
    waiting = [path for path in tree.dicoms if path not in placed or path in doubtful]
    found, unreadable = 0, 0
    for path in waiting:
        try:
            identity = read_identity(tree.root / path)
        except DataFileError:
            unreadable += 1
            continue
        key = identity.series_uid if identity.series_uid in series else identity.patient_id
        if _places(key, series):
            tree.files[key].append(path)
            found += key in series or key in names
    return HeaderCount(len(waiting), found, unreadable)


def _series(case: Abnormality) -> tuple[str, ...]:
    return (case.image_series, case.mask_series, case.crop_series)


def _places(key: str, series: set[str]) -> bool:
    return key in series or NAME.fullmatch(key) is not None


def _of_incomplete(tree: Tree, cases: Sequence[Abnormality]) -> Iterator[str]:
    """All files that names place at an image, where they leave the image or a region empty."""
    images: defaultdict[str, list[list[str]]] = defaultdict(list)
    for case in cases:
        images[case.image_name] += (
            tree.find([case.image_series], case.image_name),
            tree.find([case.mask_series, case.crop_series], case.name),
        )
    for found in images.values():
        if not all(found):
            yield from (path for part in found for path in part)
