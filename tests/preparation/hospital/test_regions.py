import numpy as np
import pytest
from segmentations import lesion

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.shapes.drawing import Drawing
from mmseg_mammo.phantoms.dicom import write_dicom
from mmseg_mammo.preparation.hospital.regions import read_box, read_region

SHAPE = (60, 40)
PIXELS = np.add.outer(np.arange(60), np.arange(40)).astype(np.uint16)


def box(*values):
    return dict(zip(('x1', 'y1', 'x2', 'y2'), values, strict=True))


@pytest.fixture
def case(tmp_path, save_dicom):
    """A DICOM image, and a function that writes a SEG of it, changed as wished."""
    pydicom = pytest.importorskip('pydicom')
    from segmentations import film

    dataset = film(SHAPE)
    image = tmp_path / 'image.dcm'
    write_dicom(image, dataset)

    def segment(change=lambda seg: None, mask=None):
        path = tmp_path / 'seg.dcm'
        write_segmentation(
            image, lesion(SHAPE) if mask is None else mask, path, model='m', empty=True
        )
        seg = pydicom.dcmread(path)
        change(seg)
        seg.save_as(path)
        return path

    return image, segment


def read(region, image, values=()):
    notes = []
    return read_region(region, image, SHAPE, values, notes), notes


def test_a_box_holds_its_first_and_its_last_pixel(tmp_path):
    drawn = read_box(box('3', '10', '5,0', '12'))
    mask, notes = read(drawn, tmp_path / 'i.png')
    expected = np.zeros(SHAPE, bool)
    expected[10:13, 3:6] = True
    np.testing.assert_array_equal(mask, expected)
    assert (drawn.weak, notes) == (True, [])
    assert read_box(box('', 'NA', '', '')) is None
    assert read_box(box('7', '7', '7', '7')).fault == ''  # one pixel


@pytest.mark.parametrize(
    ('cells', 'said'),
    [
        (box('3', '10', '', '12'), "x2 ''"),
        (box('3', 'ten', '5', '12'), "y1 'ten'"),
        (box('0.1', '0.2', '0,4', '1'), 'y2=1, fractions of the image.*Multiply'),
        (box('3', '10', '1', '12'), 'from x1=3, y1=10 to x2=1, y2=12.*width and height'),
    ],
)
def test_a_box_that_is_none_says_which_cell(cells, said):
    with pytest.raises(MammoError, match=said):
        read_box(cells)


def test_a_box_of_nearly_everything_is_refused(tmp_path):
    with pytest.raises(MammoError, match=r'row 2: its lesion covers 100%'):
        read(Drawing('row 2', boxes=((0, 0, 40, 60),)), tmp_path / 'i.png')


def test_a_segmentation_is_that_of_the_image_whose_uid_it_names(case):
    image, segment = case
    mask, notes = read(segment(), image)
    np.testing.assert_array_equal(mask, lesion(SHAPE))
    assert notes == []


def test_a_segmentation_of_another_image_is_refused(case):
    def rename(seg):
        group = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        group.SourceImageSequence[0].ReferencedSOPInstanceUID = '1.2.3'
        instance = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        instance.ReferencedSOPInstanceUID = '1.2.3'

    image, segment = case
    with pytest.raises(MammoError, match=r'a DICOM SEG of 1 images, none of which is image\.dcm'):
        read(segment(rename), image)


def test_an_image_that_a_segmentation_refers_to_without_a_frame_has_no_lesion(case):
    def rename(seg):
        group = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        group.SourceImageSequence[0].ReferencedSOPInstanceUID = '1.2.3'

    image, segment = case
    assert not read(segment(rename), image)[0].any()


def test_an_image_without_uid_takes_a_segmentation_of_one_image(case, tmp_path):
    _, segment = case
    write_png(tmp_path / 'i.png', PIXELS)
    mask, notes = read(segment(), tmp_path / 'i.png')
    np.testing.assert_array_equal(mask, lesion(SHAPE))
    assert notes == ['seg.dcm: matched by name; i.png has no UID']


def test_segments_of_one_kind_add_up_and_those_of_several_have_to_be_told(case):
    def add(kind):
        def change(seg):
            from copy import deepcopy

            second = deepcopy(seg.SegmentSequence[0])
            second.SegmentNumber, second.SegmentLabel = 2, 'Breast'
            second.SegmentedPropertyTypeCodeSequence[0].CodeValue = kind
            seg.SegmentSequence.append(second)

        return change

    image, segment = case
    first = segment()
    import pydicom

    kind = str(
        pydicom.dcmread(first).SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue
    )
    mask, notes = read(segment(add(kind)), image)
    assert (mask.any(), notes) == (True, ['seg.dcm: union of the segments 1 Lesion, 2 Breast'])
    mixed = segment(add('76752008'))
    with pytest.raises(MammoError, match=r'\(1 Lesion, 2 Breast\).*--lesion-values'):
        read(mixed, image)
    np.testing.assert_array_equal(read(mixed, image, (1,))[0], lesion(SHAPE))
    assert not read(mixed, image, (2,))[0].any()

    def add_two(seg):
        add(kind)(seg)
        add('76752008')(seg)
        seg.SegmentSequence[2].SegmentNumber = 3

    assert read(segment(add_two), image, (1, 2))[1] == [
        'seg.dcm: union of the segments 1 Lesion, 2 Breast'
    ]


def test_a_frame_of_an_unknown_segment_is_not_taken_for_another_one(case):
    def forget(seg):
        for group in (
            *seg.SharedFunctionalGroupsSequence,
            *seg.PerFrameFunctionalGroupsSequence,
        ):
            group.pop('SegmentIdentificationSequence', None)

    image, segment = case
    assert read(segment(forget), image)[0].any()
    with pytest.raises(MammoError, match=r'seg\.dcm: a frame does not name its segment'):
        read(segment(forget), image, (1,))
