"""The attributes of a DICOM segmentation (SEG): what it shows, of whom, and by which software.

highdicom makes the object. It gets the few attributes of the image that place the mask, and none
that names the patient, which it checks and quotes in its messages; those are copied afterwards.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmseg_mammo.io.dicom.header import is_filled
from mmseg_mammo.io.dicom.reader import DicomInfo

PURPOSE = 'Algorithm output for research; not a medical device'
# What an archive files an object by, and whether names were removed from it. Nothing else of the
# patient is copied.
IDENTITY = (
    *('SpecificCharacterSet', 'PatientName', 'PatientID', 'IssuerOfPatientID'),
    *('PatientBirthDate', 'PatientSex', 'PatientIdentityRemoved', 'DeidentificationMethod'),
    *('DeidentificationMethodCodeSequence', 'StudyInstanceUID', 'StudyDate', 'StudyTime'),
    *('StudyID', 'StudyDescription', 'AccessionNumber', 'ReferringPhysicianName'),
)
# Of these an image may leave out the value, but the attribute has to be there (type 2).
_EMPTY = (
    *('PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'StudyDate', 'StudyTime'),
    *('StudyID', 'AccessionNumber', 'ReferringPhysicianName'),
)
_PLACE = (
    *('SOPClassUID', 'SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID'),
    *('FrameOfReferenceUID', 'Rows', 'Columns', 'Modality'),
    *('LossyImageCompression', 'LossyImageCompressionRatio', 'LossyImageCompressionMethod'),
)
_DIRECTION = re.compile(r'[APLRHF]{1,3}')
_LONGEST = 64  # characters of a DICOM text of type LO
_SERIES_NUMBER = 9000  # far behind the images of a study, where viewers sort by it


@dataclass(frozen=True)
class Software:
    """What made a mask: model, version of the software, weights, and what else shaped it."""

    model: str
    version: str
    serial: str = ''
    parameters: Mapping[str, str] = field(default_factory=dict)


def build_segmentation(source: Any, info: DicomInfo, mask: np.ndarray, software: Software) -> Any:
    """Build the SEG of one image.

    Args:
        source: The ``pydicom.Dataset`` of the image, of one frame and with all of its UIDs.
        info: What :func:`read_dataset` says of it.
        mask: H×W bool on its stored rows and columns; it may be empty.
        software: What made the mask.

    Returns:
        A ``highdicom.seg.Segmentation``, which is a ``pydicom.Dataset``.

    Raises:
        Exception: Of many types, for a header that breaks the standard.
    """
    from highdicom.seg import Segmentation
    from pydicom.uid import generate_uid

    maker: dict[str, Any] = {
        'manufacturer_model_name': short_text(software.model),
        'software_versions': short_text(software.version),
        'device_serial_number': short_text(software.serial),
    }
    origin = ['mmseg_mammo SEG', str(source.SOPInstanceUID), *maker.values()]
    what = ' '.join(['Lesions', *filter(None, (info.laterality[:1], info.view))])
    seg = Segmentation(
        source_images=[_reference(source)],
        pixel_array=mask,
        segmentation_type='BINARY',
        segment_descriptions=[_describe_segment(info, software)],
        series_instance_uid=generate_uid(entropy_srcs=[*origin, 'series']),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(entropy_srcs=[*origin, np.packbits(mask).tobytes().hex()]),
        instance_number=1,
        manufacturer='mmseg_mammo',
        **maker,
        content_label='LESION',
        content_description=PURPOSE,
        series_description=short_text(f'{what} (algorithm, research)'),
        omit_empty_frames=False,  # an empty mask has its frame too
    )
    seg.ContentCreatorName = None  # no person made it
    for group in (seg.DimensionOrganizationSequence, seg.DimensionIndexSequence):
        group[0].DimensionOrganizationUID = generate_uid(entropy_srcs=[*origin, 'dimensions'])
    _copy_identity(source, seg)
    seg.PatientOrientation = _orientation(source)
    return seg


def images_of(seg: Any) -> list[str]:
    """The SOP Instance UID of the image that each frame of a SEG lies on; '' where none is named.

    Args:
        seg: A ``pydicom.Dataset`` of a SEG.

    Raises:
        ValueError: It describes another number of frames than it has.
    """
    shared = [*(seg.get('SharedFunctionalGroupsSequence') or [])]
    frames = [*(seg.get('PerFrameFunctionalGroupsSequence') or [])]
    if len(frames) != (expected := int(seg.get('NumberOfFrames') or 1)):
        raise ValueError(f'{expected} frames, {len(frames)} of them described')
    instances = references_of(seg)
    only = instances[0] if len(instances) == 1 else ''
    return [
        next((name for group in (frame, *shared) if (name := _named(group))), only)
        for frame in frames
    ]


def references_of(seg: Any) -> list[str]:
    """The SOP Instance UIDs of the images that a SEG was made on, with or without a frame."""
    return [
        str(instance.ReferencedSOPInstanceUID)
        for series in seg.get('ReferencedSeriesSequence') or []
        for instance in series.get('ReferencedInstanceSequence') or []
    ]


@dataclass(frozen=True)
class Segment:
    """One segment of a SEG: its number, its label, and the code of what it shows ('' unknown)."""

    number: int
    label: str
    kind: str


def segments_of(seg: Any) -> list[Segment]:
    """The segments that a SEG (a ``pydicom.Dataset``) describes, without the background."""
    found = []
    for one in seg.get('SegmentSequence') or []:
        codes = one.get('SegmentedPropertyTypeCodeSequence') or []
        kind = str(codes[0].get('CodeValue') or '') if codes else ''
        number = int(one.get('SegmentNumber') or 0)
        found.append(Segment(number, str(one.get('SegmentLabel') or ''), kind))
    return [one for one in found if one.number]


def segment_numbers_of(seg: Any) -> list[int]:
    """The segment of each frame of a SEG of type BINARY; 0 where a frame does not say."""
    shared = [*(seg.get('SharedFunctionalGroupsSequence') or [])]
    numbers = []
    for frame in seg.get('PerFrameFunctionalGroupsSequence') or []:
        told = [group.get('SegmentIdentificationSequence') for group in (frame, *shared)]
        number = next((one[0].get('ReferencedSegmentNumber') for one in told if one), 0)
        numbers.append(int(number or 0))
    return numbers


def short_text(text: str) -> str:
    """``text`` as DICOM takes it everywhere: at most 64 printable characters of ASCII.

    The character set of an image may lack others, and a backslash separates values.
    """
    printable = ''.join(c if c.isprintable() else ' ' for c in text.replace('\\', '/')).strip()
    return printable.encode('ascii', 'replace').decode()[:_LONGEST].strip() or 'unknown'


def _named(group: Any) -> str:
    derived = group.get('DerivationImageSequence') or []
    sources = (derived[0].get('SourceImageSequence') or []) if derived else []
    return str(sources[0].get('ReferencedSOPInstanceUID') or '') if sources else ''


def _reference(source: Any) -> Any:
    """The image as highdicom sees it: where it is and how large, of nobody.

    Without Pixel Spacing: beside one, highdicom and dciodvfy demand a Slice Thickness, which no
    mammogram has. The image says how large its pixels are.
    """
    from pydicom.dataset import Dataset

    image = Dataset()
    for name in _PLACE:
        if is_filled(source.get(name)):
            image.add(source[name])
    for name in _EMPTY:
        setattr(image, name, None)
    return image


def _copy_identity(source: Any, seg: Any) -> None:
    for name in IDENTITY:
        if is_filled(source.get(name)):
            seg.add(source[name])


def _orientation(source: Any) -> list[str] | None:
    """Patient Orientation of the image; None if it holds anything but two directions."""
    value = source.get('PatientOrientation')
    found = [] if value is None or isinstance(value, str) else [str(part) for part in value]
    return found if len(found) == 2 and all(map(_DIRECTION.fullmatch, found)) else None


def _describe_segment(info: DicomInfo, software: Software) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from highdicom.sr import CodedConcept
    from pydicom.sr.codedict import codes

    model, version = short_text(software.model), short_text(software.version)
    given = {'checkpoint': software.serial, **software.parameters}
    segment = SegmentDescription(
        segment_number=1,
        segment_label='Lesion',
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type='AUTOMATIC',
        algorithm_identification=AlgorithmIdentificationSequence(
            name=model,
            family=codes.DCM.ArtificialIntelligence,
            version=version,
            source='mmseg_mammo',
            parameters={
                short_text(name): short_text(value) for name, value in given.items() if value
            },
        ),
        anatomic_regions=[codes.SCT.Breast],
    )
    segment.SegmentDescription = f'What {model} (mmseg_mammo {version}) takes for a lesion. {PURPOSE}, and not for diagnosis.'
    sides = {'LEFT': codes.SCT.Left, 'RIGHT': codes.SCT.Right}
    if side := sides.get(info.laterality):
        modifier = CodedConcept(side.value, side.scheme_designator, side.meaning)
        segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [modifier]
    return segment
