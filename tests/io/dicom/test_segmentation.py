import logging
import shutil
import sys
import warnings

import highdicom
import numpy as np
import pydicom
import pytest
from segmentations import MAMMOGRAMS, PATIENT, SHAPE, digital, faults_of, film, lesion, save

from mmseg_mammo.errors import DataFileError, HostError, MammoError
from mmseg_mammo.io.dicom.segmentation import read_segmentation, write_segmentation
from mmseg_mammo.version import __version__

HASH = '3f' * 32
# What tells the time of writing; older versions of highdicom leave the first two out.
WHEN = (
    *('InstanceCreationDate', 'InstanceCreationTime', 'ContentDate', 'ContentTime'),
    'ContributingEquipmentSequence',
)


def written(folder, dataset, mask=None, name='seg.dcm', **more):
    """Path of the SEG of a mammogram."""
    mask = lesion((dataset.Rows, dataset.Columns)) if mask is None else mask
    out = folder / name
    more = {'model': 'setr_pup_vpt_cbis', 'serial': HASH, **more}
    assert write_segmentation(save(folder, dataset), mask, out, **more) == out
    return out


@pytest.mark.parametrize('kind', MAMMOGRAMS)
def test_the_mask_comes_back_on_the_right_image(tmp_path, kind):
    dataset = MAMMOGRAMS[kind]()
    mask = lesion((dataset.Rows, dataset.Columns))
    path = written(tmp_path, dataset)
    assert [*tmp_path.glob('.partial-*')] == []

    seg = highdicom.seg.segread(path)
    frames = seg.get_pixels_by_source_instance([dataset.SOPInstanceUID])
    np.testing.assert_array_equal(frames[0, ..., 0], mask)

    plain = pydicom.dcmread(path)
    np.testing.assert_array_equal(plain.pixel_array, mask)
    (series,) = plain.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == dataset.SeriesInstanceUID
    (image,) = series.ReferencedInstanceSequence
    assert image.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert image.ReferencedSOPClassUID == dataset.SOPClassUID

    ((name, found),) = read_segmentation(path).items()
    assert name == dataset.SOPInstanceUID
    assert found.dtype == bool
    np.testing.assert_array_equal(found, mask)


@pytest.mark.skipif(not shutil.which('dciodvfy'), reason='dicom3tools is not installed')
@pytest.mark.parametrize('kind', MAMMOGRAMS)
def test_the_validator_of_dicom3tools_finds_no_error(tmp_path, kind):
    dataset = MAMMOGRAMS[kind]()
    assert faults_of(written(tmp_path, dataset)) == []
    empty = np.zeros((dataset.Rows, dataset.Columns), bool)
    assert faults_of(written(tmp_path, dataset, empty, empty=True)) == []


@pytest.mark.skipif(not shutil.which('dciodvfy'), reason='dicom3tools is not installed')
def test_the_validator_does_find_what_is_missing(tmp_path):
    path = written(tmp_path, digital(PatientOrientation=['P', 'F']))
    seg = pydicom.dcmread(path)
    del seg.PatientOrientation
    seg.save_as(path)
    assert 'PatientOrientation' in ' '.join(faults_of(path))


def test_a_second_run_writes_the_same_object_and_makes_no_second_series(tmp_path):
    image = film()
    first = pydicom.dcmread(written(tmp_path, image))
    again = pydicom.dcmread(written(tmp_path, image))
    for seg in (first, again):
        for name in WHEN:
            seg.pop(name, None)
    assert first == again
    other = pydicom.dcmread(written(tmp_path, image, ~lesion()))
    assert other.SeriesInstanceUID == first.SeriesInstanceUID
    assert other.SOPInstanceUID != first.SOPInstanceUID


@pytest.mark.parametrize('change', [{'serial': '4e' * 32}, {'model': 'unet'}, {'version': '9'}])
def test_other_software_and_other_images_make_other_series(tmp_path, change):
    image = film()
    first = pydicom.dcmread(written(tmp_path, image))
    other = pydicom.dcmread(written(tmp_path, image, **change))
    another = pydicom.dcmread(written(tmp_path, film()))
    for name in ('SeriesInstanceUID', 'SOPInstanceUID'):
        uids = {seg[name].value for seg in (first, other, another)} | {image[name].value}
        assert len(uids) == 4


def test_an_empty_mask_has_no_file_unless_asked_for(tmp_path):
    image, empty = save(tmp_path, film()), np.zeros(SHAPE, bool)
    out = tmp_path / 'seg.dcm'
    assert write_segmentation(image, empty, out, model='unet') is None
    assert not out.exists()
    write_segmentation(image, lesion(), out, model='unet')
    assert write_segmentation(image, empty, out, model='unet') is None
    assert not out.exists(), 'a lesion of an earlier run'
    assert write_segmentation(image, empty, out, model='unet', empty=True) == out
    ((_, found),) = read_segmentation(out).items()
    assert found.shape == SHAPE
    assert not found.any()


@pytest.mark.parametrize(
    'name', ['SOPClassUID', 'SOPInstanceUID', 'SeriesInstanceUID', 'StudyInstanceUID']
)
@pytest.mark.parametrize('how', ['missing', 'empty'])
def test_no_identifier_is_made_up(tmp_path, name, how):
    image = film()
    path = save(tmp_path, image)
    # Written without the help that fills in the two UIDs of the file.
    if how == 'empty':
        setattr(image, name, '')
    else:
        delattr(image, name)
    image.save_as(path, enforce_file_format=False)
    with pytest.raises(DataFileError, match=rf'image\.dcm: no {name}\. Allowed: .*never made up'):
        write_segmentation(path, lesion(), tmp_path / 'seg.dcm', model='unet')
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ('mask', 'message'),
    [
        (lesion(SHAPE[::-1]), 'a mask of 37×49 pixels on an image of 49×37.*original file'),
        (lesion()[None], 'a mask of 1×49×37 pixels on'),
        (lesion().astype(np.uint8) * 255, 'a mask of uint8. Allowed: bool'),
        (lesion() * 0.7, 'a mask of float64'),
    ],
)
def test_another_grid_and_anything_but_bool_are_refused(tmp_path, mask, message):
    with pytest.raises(MammoError, match=message):
        write_segmentation(save(tmp_path, film()), mask, tmp_path / 'seg.dcm', model='unet')


def test_the_image_itself_is_never_replaced(tmp_path):
    image = save(tmp_path, film())
    before = image.read_bytes()
    for mask in (lesion(), np.zeros(SHAPE, bool)):
        with pytest.raises(MammoError, match='this is the image itself'):
            write_segmentation(image, mask, tmp_path / '.' / 'image.dcm', model='unet')
    assert image.read_bytes() == before


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        ({'NumberOfFrames': 60}, '60 frames'),
        ({'SOPClassUID': '1.2.3.4'}, 'no DICOM SEG can be made for it'),
        ({'SOPClassUID': '1.2.840.10008.5.1.4.1.1.2'}, 'no DICOM SEG can be made for it'),
    ],
)
def test_what_is_no_single_projection_is_refused(tmp_path, tags, message):
    image = save(tmp_path, film(**tags))
    with pytest.raises(DataFileError, match=message):
        write_segmentation(image, lesion(), tmp_path / 'seg.dcm', model='unet')


def test_a_file_that_is_no_dicom_is_named(tmp_path):
    path = tmp_path / 'image.png'
    path.write_bytes(b'no DICOM')
    with pytest.raises(DataFileError, match=r'image\.png: not DICOM'):
        write_segmentation(path, lesion(), tmp_path / 'seg.dcm', model='unet')


def test_a_missing_highdicom_says_which_extra_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'highdicom.seg', None)
    with pytest.raises(HostError, match=r"highdicom.*not installed.*pip install '\.\[seg\]'"):
        write_segmentation(save(tmp_path, film()), lesion(), tmp_path / 'seg.dcm', model='unet')


def test_the_name_of_a_patient_goes_into_the_segmentation_only(tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    path = written(tmp_path, film())
    names = [e.keyword for e in pydicom.dcmread(path).iterall() if 'MARKED' in str(e.value)]
    assert names == ['PatientName']
    assert pydicom.dcmread(path).PatientName == PATIENT
    assert path.read_bytes().count(b'MARKED') == 1
    assert 'MARKED' not in caplog.text + ''.join(capfd.readouterr())


# What pydicom and highdicom quote in warnings, logs or errors.
@pytest.mark.parametrize(
    ('name', 'kind', 'value'),
    [
        ('PatientName', 'PN', 'MARKED'),
        ('PatientName', 'PN', 'MARKED=' * 5),
        ('PatientID', 'LO', 'MARKED' * 20),
        ('PatientBirthDate', 'DA', 'MARKED'),
        ('PatientSex', 'CS', 'MARKED?'),
        ('StudyDate', 'DA', 'MARKED'),
        ('StudyInstanceUID', 'UI', '1.2.MARKED'),
        ('PixelSpacing', 'LO', ['MARKED', 'MARKED']),
        ('LossyImageCompressionRatio', 'LO', 'MARKED'),
    ],
)
def test_odd_values_are_neither_quoted_nor_an_obstacle(
    tmp_path, caplog, capfd, recwarn, name, kind, value
):
    image = film(PatientName='')
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter('ignore')
        image.add_new(name, kind, value)
        path = save(tmp_path, image)
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    recwarn.clear()
    out = tmp_path / 'seg.dcm'
    write_segmentation(path, lesion(), out, model='unet')
    ((_, found),) = read_segmentation(out).items()
    np.testing.assert_array_equal(found, lesion())
    said = caplog.text + ''.join(capfd.readouterr()) + ' '.join(str(w.message) for w in recwarn)
    assert 'MARKED' not in said


def test_messages_of_others_are_heard_again_afterwards(tmp_path):
    logger = logging.getLogger('pydicom')
    before = logger.level
    written(tmp_path, film())
    assert logger.level == before
    assert logging.getLogger('highdicom').level == logging.NOTSET


def test_an_error_of_the_library_is_not_chained(tmp_path):
    image = save(tmp_path, film(SOPClassUID='1.2.3.4'))
    with pytest.raises(DataFileError) as caught:
        write_segmentation(image, lesion(), tmp_path / 'seg.dcm', model='unet')
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_segmentation_of_others_gives_the_union_of_its_segments(tmp_path):
    """Two segments on one image, as a person draws them: two frames."""
    path = written(tmp_path, film())
    seg = pydicom.dcmread(path)
    second = np.zeros(SHAPE, bool)
    second[-6:, :4] = True
    seg.NumberOfFrames = 2
    seg.PerFrameFunctionalGroupsSequence = [*seg.PerFrameFunctionalGroupsSequence] * 2
    bits = np.packbits(np.stack([lesion(), second]).ravel(), bitorder='little').tobytes()
    seg.PixelData = bits + b'\0' * (len(bits) % 2)
    seg.save_as(path)
    ((_, found),) = read_segmentation(path).items()
    np.testing.assert_array_equal(found, lesion() | second)


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        ({'SegmentationType': 'FRACTIONAL'}, 'Segmentation Type FRACTIONAL. Allowed: .*BINARY'),
        ({'SegmentationType': None}, 'not a DICOM SEG'),
        ({'PixelData': b'\0\0'}, 'its frames cannot be read'),
        ({'PerFrameFunctionalGroupsSequence': []}, 'its frames cannot be read'),
    ],
)
def test_what_is_no_mask_is_refused_when_read(tmp_path, tags, message):
    path = written(tmp_path, film())
    seg = pydicom.dcmread(path)
    for name, value in tags.items():
        setattr(seg, name, value)
    seg.save_as(path)
    with pytest.raises(DataFileError, match=rf'seg\.dcm: {message}'):
        read_segmentation(path)


def test_an_image_is_no_segmentation(tmp_path):
    with pytest.raises(DataFileError, match=r'image\.dcm: not a DICOM SEG'):
        read_segmentation(save(tmp_path, film()))


def test_a_frame_that_names_no_image_is_refused(tmp_path):
    path = written(tmp_path, film())
    seg = pydicom.dcmread(path)
    del seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    seg.save_as(path)
    assert len(read_segmentation(path)) == 1, 'the only image of its list'
    del seg.ReferencedSeriesSequence
    seg.save_as(path)
    with pytest.raises(DataFileError, match='a frame does not name its image'):
        read_segmentation(path)


def test_the_version_is_that_of_the_package(tmp_path):
    assert pydicom.dcmread(written(tmp_path, film())).SoftwareVersions == __version__
