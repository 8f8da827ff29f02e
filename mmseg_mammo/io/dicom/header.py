"""DICOM header: finds attributes wherever the file keeps them. Pure; reads no pixels.

An attribute may be empty (which means: missing), stand in the functional groups instead of at
the top (PS3.3 C.7.6.16), or as a code beside the text (PS3.16 CID 4014, CID 244).
"""

from collections.abc import Iterator
from typing import Any

VIEW_CODES = {  # SNOMED CT, and the older SNOMED RT that most units still write
    **dict.fromkeys(('399162004', 'R-10242'), 'CC'),
    **dict.fromkeys(('399368009', 'R-10226'), 'MLO'),
    **dict.fromkeys(('399260004', 'R-10224'), 'ML'),
    **dict.fromkeys(('399352003', 'R-10228'), 'LM'),
    **dict.fromkeys(('399099002', 'R-10230'), 'LMO'),
    **dict.fromkeys(('399188001', 'R-102D0'), 'SIO'),
    **dict.fromkeys(('399192008', 'R-1024A'), 'XCCL'),
    **dict.fromkeys(('399101009', 'R-1024B'), 'XCCM'),
    **dict.fromkeys(('399196006', 'R-10244'), 'FB'),
}
SIDE_CODES = {
    **dict.fromkeys(('7771000', 'G-A101'), 'LEFT'),
    **dict.fromkeys(('24028007', 'G-A100'), 'RIGHT'),
}
SIDES = {'L': 'LEFT', 'LEFT': 'LEFT', 'R': 'RIGHT', 'RIGHT': 'RIGHT'}
_GROUPS = ('SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence')
_SHAPES = {'IDENTITY': 'MONOCHROME2', 'INVERSE': 'MONOCHROME1'}


def values_of(dataset: Any, name: str) -> list[Any]:
    """The different values of an attribute: at the top, then in the functional groups.

    Only of the first frame: an image of several is refused. Empty values are left out.
    """
    found: list[Any] = []
    for place in _places(dataset):
        value = place.get(name)
        if is_filled(value) and value not in found:
            found.append(value)
    return found


def value_of(dataset: Any, name: str) -> Any:
    """The value of an attribute, None if it is missing or empty.

    Raises:
        ValueError: The file gives several that differ.
    """
    found = values_of(dataset, name)
    if len(found) > 1:
        raise ValueError(f'{name} is {" and ".join(map(str, found))}')
    return found[0] if found else None


def number_of(dataset: Any, name: str) -> Any:
    """The one number of an attribute, also where the file repeats it; None if it is missing.

    Raises:
        ValueError: The file gives several that differ.
    """
    value = value_of(dataset, name)
    several = value if isinstance(value, (list, tuple)) or hasattr(value, 'append') else [value]
    if len(set(several)) > 1:
        raise ValueError(
            f'{name} is {" and ".join(map(str, several))}, where one number is defined'
        )
    return several[0]


def is_filled(value: Any) -> bool:
    """Whether a value says anything: not None, no empty text, list or sequence."""
    if value is None or isinstance(value, (int, float)):
        return value is not None
    if isinstance(value, str):
        return bool(value.strip())
    return len(value) > 0 if hasattr(value, '__len__') else True


def side_of(dataset: Any) -> str:
    """``LEFT``, ``RIGHT``, or '' where the file says neither, or both."""
    names = ('ImageLaterality', 'Laterality', 'FrameLaterality')
    texts = [str(text).strip().upper() for name in names for text in values_of(dataset, name)]
    sides = {SIDES[text] for text in texts if text in SIDES}
    if not texts:
        regions = [item for found in values_of(dataset, 'AnatomicRegionSequence') for item in found]
        codes = [c for item in regions for c in _codes(item, 'AnatomicRegionModifierSequence')]
        sides = {SIDE_CODES[code] for code in codes if code in SIDE_CODES}
    return sides.pop() if len(sides) == 1 else ''


def view_of(dataset: Any) -> str:
    """The view by its text or its code; '' where the file says none, or two that differ.

    CBIS-DDSM keeps it in PatientOrientation; elsewhere that tag holds directions.
    """
    texts = {str(text).strip().upper() for text in values_of(dataset, 'ViewPosition')}
    coded = {VIEW_CODES[c] for c in _codes(dataset, 'ViewCodeSequence') if c in VIEW_CODES}
    known = texts & {*VIEW_CODES.values(), 'XCC', 'OTHER'}
    views = known | coded or texts
    if not views:
        orientation = str(dataset.get('PatientOrientation') or '').upper()
        views = {orientation} & {'CC', 'MLO'}
    return views.pop() if len(views) == 1 else ''


def photometric_of(dataset: Any) -> tuple[str, str]:
    """The photometric interpretation, and what is odd about it ('' if nothing is).

    Where it is missing, Presentation LUT Shape says the same (PS3.3 C.8.11.3.1.2); where the two
    contradict each other, the photometric interpretation counts: it is about the pixels.
    """
    said = str(dataset.get('PhotometricInterpretation') or '').strip().upper()
    shapes = [str(shape).strip().upper() for shape in values_of(dataset, 'PresentationLUTShape')]
    shape = shapes[0] if len(shapes) == 1 else ''
    meant = _SHAPES.get(shape, '')
    if not said and meant:
        return meant, f'no Photometric Interpretation; {meant} by Presentation LUT Shape'
    if said in _SHAPES.values() and meant and meant != said:
        return said, f'Presentation LUT Shape {shape} contradicts {said}, which was followed'
    return said, ''


def is_for_processing(dataset: Any) -> bool:
    """Whether this is raw detector data, by Presentation Intent Type or by SOP class."""
    from pydicom.uid import UID

    intents = [str(v).strip().upper() for v in values_of(dataset, 'PresentationIntentType')]
    classes = [dataset.get('SOPClassUID')]
    classes.append(getattr(getattr(dataset, 'file_meta', None), 'MediaStorageSOPClassUID', None))
    named = [UID(str(uid)).name for uid in classes if uid]
    return 'FOR PROCESSING' in intents or any('For Processing' in name for name in named)


def _places(dataset: Any) -> Iterator[Any]:
    yield dataset
    for name in _GROUPS:
        for group in (dataset.get(name) or [])[:1]:
            for element in group:
                if element.VR == 'SQ' and element.value:
                    yield element.value[0]


def _codes(dataset: Any, name: str) -> list[str]:
    items = [item for sequence in values_of(dataset, name) for item in sequence]
    return [str(item.get('CodeValue') or '').strip() for item in items]
