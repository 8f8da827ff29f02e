"""Files of a CBIS-DDSM-shaped phantom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from phantom_tables import read_rows, truth_of
from PIL import Image
from scipy.ndimage import find_objects

from mmseg_mammo.io.image import read_image
from mmseg_mammo.phantoms.cbis_cases import CaseRow
from mmseg_mammo.phantoms.cbis_files import CbisWriter, crop_box, write_views
from mmseg_mammo.phantoms.cbis_layouts import FULL, MASK, Slot
from mmseg_mammo.phantoms.trees import write_cbis_tree

HEIGHT = 96


def test_a_crop_box_is_cut_at_the_border():
    mask = np.zeros((200, 100), bool)
    mask[30:41, 60:95] = True
    assert crop_box(mask) == (10, 61, 40, 100)


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    return write_cbis_tree(tmp_path_factory.mktemp('plain') / 'raw', patients=4, height=HEIGHT)


def test_dicom_tags_are_those_of_the_real_download(plain):
    name, row = next(iter(truth_of(plain).items()))
    header = pydicom.dcmread(plain / row['crop'])
    assert header.file_meta.TransferSyntaxUID.name == 'Implicit VR Little Endian'
    assert header.SOPClassUID.name == 'Secondary Capture Image Storage'
    assert header.PatientID == name
    assert header.PatientOrientation == name.split('_')[4]
    assert header.Laterality == name.split('_')[3][0]
    assert header.SeriesInstanceUID.startswith('1.3.6.1.4.1.9590.100.1.2.')
    assert header.SeriesInstanceUID.is_valid
    assert 'WindowWidth' not in header


def test_crops_are_the_mask_box_and_twenty_pixels_on_each_side(plain):
    for row in truth_of(plain).values():
        image, mask, crop = (read_image(plain / row[name]) for name in ('image', 'mask', 'crop'))
        top, bottom, left, right = crop_box(mask > 0)
        np.testing.assert_array_equal(crop, image[top:bottom, left:right])


def case_of(name, kind='mass', number=1):
    """A case of ``Mass-Test_P_00016_LEFT_CC``, or of another folder, and its three slots."""
    subset, patient, digits, laterality, view = name.split('_')
    prefix = f'{subset}_{patient}_{digits}_{laterality}_{view}'
    paths = (
        f'{prefix}/1.1/1.2/000000.dcm',
        *(f'{prefix}_{number}/2.1/2.2/{n}.dcm' for n in (0, 1)),
    )
    case = CaseRow('mass-test', f'{patient}_{digits}', laterality, view, kind, 'benign', 2, *paths)
    date = '07-20-2016'
    image = Slot('1.1', '1.2', 1, FULL, date, '1.1', '1.2')
    mask, crop = (Slot('2.1', '2.2', n, MASK, date, '2.1', '2.2') for n in (2, 1))
    return case, (image, mask, crop)


DEEP = np.arange(6, dtype=np.uint16).reshape(2, 3) * 10000
TWO = np.array([[0, 255, 0], [255, 0, 0]], np.uint8)


def write_one(root, layout, seed=0):
    """The writer, and the paths of an image and a mask that it wrote."""
    case, (image, mask, _) = case_of('Mass-Test_P_00016_LEFT_CC')
    writer = CbisWriter(root, layout, seed)
    paths = [writer.write(image, case, FULL, DEEP), writer.write(mask, case, MASK, TWO)]
    writer.finish()
    return writer, paths


@pytest.mark.parametrize('layout', ['L1', 'L2', 'L3', 'L4', 'L5'])
def test_each_file_is_a_dicom_with_the_pixels_and_the_uids_of_its_slot(layout, tmp_path):
    _, paths = write_one(tmp_path, layout)
    for path, pixels, uids in zip(
        paths, (DEEP, TWO), (('1.1', '1.2'), ('2.1', '2.2')), strict=True
    ):
        found = pydicom.dcmread(tmp_path / path)
        np.testing.assert_array_equal(found.pixel_array, pixels)
        assert found.pixel_array.dtype == pixels.dtype
        assert (found.StudyInstanceUID, found.SeriesInstanceUID) == uids
        assert found.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID
        folder = 'Mass-Test_P_00016_LEFT_CC' + '_1' * (pixels is TWO)
        assert found.PatientID == folder
        assert (found.StudyDate, found.InstanceNumber) == ('20160720', 1 + (pixels is TWO))
        assert (folder in path) == (layout != 'L5')
    assert (tmp_path / 'metadata.csv').exists() == (layout != 'L5')


def test_the_jpeg_mirror_has_8_bits_and_says_what_they_were(tmp_path):
    writer, paths = write_one(tmp_path, 'L6')
    for path, pixels in zip(paths, (DEEP >> 8, TWO), strict=True):
        with Image.open(tmp_path / path) as picture:
            assert (picture.format, picture.mode) == ('JPEG', 'L')
            np.testing.assert_allclose(np.array(picture), pixels, atol=25)
    assert writer.tables == tmp_path / 'csv'
    rows = read_rows(tmp_path / 'csv' / 'dicom_info.csv')
    assert [row['image_path'] for row in rows] == [f'CBIS-DDSM/{path}' for path in paths]
    assert [row['BitsAllocated'] for row in rows] == ['16', '8']
    assert [(row['Rows'], row['Columns']) for row in rows] == [('2', '3')] * 2
    assert [row['PatientOrientation'] for row in rows] == ['CC'] * 2
    assert not (tmp_path / 'metadata.csv').exists()


def test_metadata_has_a_line_for_each_series_with_the_sum_of_its_files(tmp_path):
    case, (image, mask, crop) = case_of('Mass-Test_P_00016_LEFT_CC')
    big = np.zeros((300, 400), np.uint8)
    writer = CbisWriter(tmp_path, 'L2', 0)
    paths = [writer.write(slot, case, MASK, big) for slot in (mask, crop)]
    writer.write(image, case, FULL, DEEP)
    assert writer.write(mask, case, MASK, big) == paths[0]  # it is there, and counts once
    writer.finish()
    rows = {row['Series UID']: row for row in read_rows(tmp_path / 'metadata.csv')}
    assert rows.keys() == {'1.2', '2.2'}
    assert (rows['1.2']['Number of Images'], rows['2.2']['Number of Images']) == ('1', '2')
    size = sum((tmp_path / path).stat().st_size for path in paths) / 1e6
    assert rows['2.2']['File Size'].endswith(' MB')
    assert float(rows['2.2']['File Size'].split()[0]) == pytest.approx(size, abs=0.01)
    assert rows['2.2']['File Location'] == f'./{Path(paths[0]).parent}'
    assert rows['2.2']['Study UID'] == '2.1'


def test_the_same_seed_writes_the_same_bytes_and_another_other_names(tmp_path):
    written = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        paths = write_one(tmp_path / name, 'L5', seed)[1]
        written.append({path: (tmp_path / name / path).read_bytes() for path in paths})
    assert written[0] == written[1]
    assert written[0].keys() != written[2].keys()  # instances have random UIDs


def test_one_file_in_twenty_has_no_description(tmp_path):
    case, (image, *_) = case_of('Mass-Test_P_00016_LEFT_CC')
    writer = CbisWriter(tmp_path, 'L6', 0)
    for number in range(200):
        writer.write(replace(image, series_uid=f'1.{number}'), case, FULL, TWO)
    writer.finish()
    told = [row['SeriesDescription'] for row in read_rows(tmp_path / 'csv' / 'dicom_info.csv')]
    assert set(told) == {'', FULL}
    assert 2 < told.count('') < 21  # 11, and three standard deviations


@pytest.mark.parametrize(
    ('defect', 'names', 'shape'),
    [
        ('', {'image', 'mask', 'crop'}, (1, 1)),
        ('empty', {'image', 'mask', 'crop'}, (1, 1)),
        ('scaled', {'image', 'mask', 'crop'}, (0.87, 0.87)),
        ('missing', {'image'}, None),
        ('missing-image', {'mask', 'crop'}, None),
    ],
)
def test_a_planted_defect_is_in_the_files_and_in_their_truth(defect, names, shape, tmp_path):
    case, slots = case_of('Mass-Test_P_00016_LEFT_CC')
    writer = CbisWriter(tmp_path, 'L2', 0)
    planted = {case.name: defect} if defect else {}
    (row,) = write_views(writer, [case], [case], {case.name: slots}, planted, 96)
    assert row.keys() == {'abnormality', 'subset', 'defect', *names}
    assert (row['abnormality'], row['defect']) == (case.name, defect)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*.dcm')}
    assert files == {row[name] for name in names}
    if shape:
        image, mask = (pydicom.dcmread(tmp_path / row[n]).pixel_array for n in ('image', 'mask'))
        np.testing.assert_allclose(np.divide(mask.shape, image.shape), shape, atol=0.01)
        assert mask.any() == (defect != 'empty')


def test_copies_of_a_view_share_one_image_and_a_chosen_one_shows_all_lesions(tmp_path):
    """The lesions of both are in its pixels, also where files of one are asked for."""
    first, slots = case_of('Mass-Test_P_00016_LEFT_CC')
    second, others = case_of('Calc-Test_P_00016_LEFT_CC', 'calcification')
    others = tuple(replace(slot, series_uid=f'{slot.series_uid}.9') for slot in others)
    every = {first.name: slots, second.name: others}
    pixels = []
    for name, cases, chosen in (
        ('both', [first, second], [first, second]),
        ('one', [first, second], [first]),
        ('alone', [first], [first]),
    ):
        rows = write_views(CbisWriter(tmp_path / name, 'L2', 0), cases, chosen, every, {}, 96)
        assert [row['abnormality'] for row in rows] == [case.name for case in chosen]
        images = [pydicom.dcmread(tmp_path / name / row['image']).pixel_array for row in rows]
        assert all(np.array_equal(image, images[0]) for image in images)
        pixels.append(images[0])
    np.testing.assert_array_equal(pixels[0], pixels[1])
    assert (pixels[0].shape != pixels[2].shape) or (pixels[0] != pixels[2]).any()


@pytest.mark.parametrize('margin', [0, 3])
def test_a_crop_box_is_scipys_and_a_margin(margin):
    mask = np.zeros((60, 50), bool)
    mask[20:31, 12:40] = mask[35, 8] = True
    ((rows, columns),) = find_objects(mask.astype(int))
    assert crop_box(mask, margin) == (
        rows.start - margin, rows.stop + margin, columns.start - margin, columns.stop + margin,
    )  # fmt: skip
