import numpy as np
import pytest
from pydicom.sr.codedict import codes
from segmentations import PATIENT, SHAPE, digital, film, lesion, save

from mmseg_mammo.io.dicom.reader import read_dataset
from mmseg_mammo.io.dicom.segmentation_object import (
    IDENTITY,
    PURPOSE,
    Software,
    build_segmentation,
    images_of,
    short_text,
)

SOFTWARE = Software('setr_pup_vpt_cbis', '1.2.3', '3f' * 32, {'threshold': '0.37'})


def built(folder, image, software=SOFTWARE, mask=None):
    dataset, info = read_dataset(save(folder, image), stop_before_pixels=True)
    return build_segmentation(dataset, info, lesion() if mask is None else mask, software)


def concept(sequence):
    (item,) = sequence
    return item.CodingSchemeDesignator, item.CodeValue


def test_one_segment_says_what_it_is_and_who_made_it(tmp_path):
    seg = built(tmp_path, digital())
    assert (seg.Modality, seg.SegmentationType, seg.BitsAllocated) == ('SEG', 'BINARY', 1)
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == 'Lesion'
    assert concept(segment.SegmentedPropertyCategoryCodeSequence) == ('SCT', '49755003')
    assert concept(segment.SegmentedPropertyTypeCodeSequence) == ('SCT', '52988006')
    assert concept(segment.AnatomicRegionSequence) == ('SCT', '76752008')
    assert segment.SegmentAlgorithmType == 'AUTOMATIC'
    assert segment.SegmentAlgorithmName == 'setr_pup_vpt_cbis'
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ('setr_pup_vpt_cbis', '1.2.3')
    assert concept(algorithm.AlgorithmFamilyCodeSequence) == ('DCM', '123110')
    assert algorithm.AlgorithmParameters == f'checkpoint={"3f" * 32},threshold=0.37'
    assert 'not a medical device' in segment.SegmentDescription
    assert seg.ContentDescription == PURPOSE
    assert seg.SeriesDescription == 'Lesions L MLO (algorithm, research)'


def test_the_codes_are_those_of_the_standard():
    assert codes.SCT.MorphologicallyAbnormalStructure in codes.cid7150
    assert codes.SCT.Lesion in codes.cid7159
    assert codes.DCM.ArtificialIntelligence in codes.cid7162


def test_the_device_is_the_model(tmp_path):
    seg = built(tmp_path, film())
    assert seg.Manufacturer == 'mmseg_mammo'
    assert seg.ManufacturerModelName == 'setr_pup_vpt_cbis'
    assert seg.SoftwareVersions == '1.2.3'
    assert seg.DeviceSerialNumber == '3f' * 32
    bare = built(tmp_path, film(), Software('unet', '1'))
    assert bare.DeviceSerialNumber == 'unknown'


@pytest.mark.parametrize(
    ('side', 'modifier'),
    [('LEFT', ('SCT', '7771000')), ('RIGHT', ('SCT', '24028007')), ('', None)],
)
def test_the_side_is_that_of_the_image_or_unknown(tmp_path, side, modifier):
    image = film(laterality=side or 'LEFT')
    if not side:
        image.Laterality = ''
    (region,) = built(tmp_path, image).SegmentSequence[0].AnatomicRegionSequence
    found = region.get('AnatomicRegionModifierSequence')
    assert (concept(found) if found else None) == modifier


@pytest.mark.parametrize('value', [['A', 'F'], ['P', 'F'], ['A', 'FR'], ['P', 'H']])
def test_patient_orientation_is_that_of_the_image(tmp_path, value):
    assert [*built(tmp_path, digital(PatientOrientation=value)).PatientOrientation] == value


@pytest.mark.parametrize('value', ['MLO', 'A', '', ['L', 'X'], ['A', '']])
def test_what_is_no_orientation_becomes_an_unknown_one(tmp_path, value):
    seg = built(tmp_path, digital(PatientOrientation=value))
    assert 'PatientOrientation' in seg
    assert not seg.PatientOrientation


def test_patient_and_study_are_copied_and_nothing_else_of_the_patient(tmp_path):
    given = {
        'PatientBirthDate': '19610203',
        'PatientSex': 'F',
        'IssuerOfPatientID': 'HOSPITAL',
        'StudyDescription': 'Screening',
        'AccessionNumber': 'A-12',
        'StudyID': '77',
        'ReferringPhysicianName': 'WHO^REFERS',
        'PatientIdentityRemoved': 'NO',
    }
    private = {'PatientAddress': 'Street 1', 'PatientComments': 'x', 'InstitutionName': 'H'}
    image = film(**given, **private)
    seg = built(tmp_path, image)
    for name in (*given, 'PatientID', 'StudyInstanceUID', 'StudyDate', 'StudyTime'):
        assert name in IDENTITY
        assert seg[name].value == image[name].value, name
    assert seg.PatientName == PATIENT
    assert not set(private) & set(seg.dir())
    assert 'Street' not in str(seg)


def test_names_keep_the_letters_of_their_character_set(tmp_path):
    image = film(SpecificCharacterSet='ISO_IR 144', PatientName='Иванова^Юлия')
    path = tmp_path / 'seg.dcm'
    built(tmp_path, image, Software('модель', '1')).save_as(path)
    seg, _ = read_dataset(path, stop_before_pixels=True)
    assert seg.PatientName == 'Иванова^Юлия'
    assert seg.ManufacturerModelName == '??????'


def test_what_an_image_leaves_out_stays_out(tmp_path):
    image = film()
    names = ('PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'StudyID', 'StudyDate')
    for name in names:
        delattr(image, name)
    seg = built(tmp_path, image)
    for name in names:
        assert name in seg
        assert not seg[name].value


def test_the_frame_of_reference_is_that_of_the_image(tmp_path):
    assert built(tmp_path, digital(FrameOfReferenceUID='1.2.3')).FrameOfReferenceUID == '1.2.3'
    for image in (digital(), digital(FrameOfReferenceUID='')):
        assert 'FrameOfReferenceUID' not in built(tmp_path, image)


@pytest.mark.parametrize(
    ('text', 'short'),
    [
        ('unet', 'unet'),
        ('runs\\best.pth', 'runs/best.pth'),
        ('größe\n2', 'gr??e 2'),
        ('x' * 70, 'x' * 64),
        ('', 'unknown'),
        (' \t', 'unknown'),
    ],
)
def test_a_text_fits_every_character_set(text, short):
    assert short_text(text) == short


def test_every_frame_names_its_image(tmp_path):
    image = film()
    seg = built(tmp_path, image)
    assert images_of(seg) == [image.SOPInstanceUID]
    group = seg.PerFrameFunctionalGroupsSequence[0]
    seg.SharedFunctionalGroupsSequence[0].DerivationImageSequence = group.DerivationImageSequence
    del group.DerivationImageSequence, seg.ReferencedSeriesSequence
    assert images_of(seg) == [image.SOPInstanceUID]
    del seg.SharedFunctionalGroupsSequence[0].DerivationImageSequence
    assert images_of(seg) == ['']


def bits_of(seg):
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder='little')
    return bits[: SHAPE[0] * SHAPE[1]].reshape(SHAPE)  # what follows is padding


def test_the_mask_is_stored_bit_by_bit(tmp_path):
    np.testing.assert_array_equal(bits_of(built(tmp_path, film())), lesion())


def test_an_empty_mask_is_a_frame_without_a_warning(tmp_path, caplog):
    seg = built(tmp_path, film(), mask=np.zeros(SHAPE, bool))
    assert [record.message for record in caplog.records if record.levelname == 'WARNING'] == []
    assert seg.NumberOfFrames == 1
    assert not bits_of(seg).any()
