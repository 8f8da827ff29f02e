"""Which file is whose: by name, key, UID or table; nothing is guessed or left unsaid."""

import numpy as np
import pytest
from imported_masks import SHAPE, disc, make_prepared, write_masks
from segmentations import digital, save

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.inference.imported.find import find_files, read_mask_table
from mmseg_mammo.io.dicom.segmentation import write_segmentation

MARK = disc((10, 10))


@pytest.fixture
def rows(tmp_path):
    return make_prepared(tmp_path / 'data')


def names(found, folder):
    return {image: file.path.relative_to(folder).as_posix() for image, file in found.files.items()}


def test_a_file_means_an_image_by_its_path_or_by_its_key(rows, tmp_path):
    folder = tmp_path / 'cad'
    write_masks(folder, {'P1/CC.png': MARK, 'made_images_P2_CC.tif': MARK, 'P9/odd.png': MARK})
    (folder / 'readme.txt').write_text('nothing')
    found = find_files(folder, rows)
    assert names(found, folder) == {
        'images/P1/CC.png': 'P1/CC.png',
        'images/P2/CC.png': 'made_images_P2_CC.tif',
    }
    assert found.unmatched == ('P9/odd.png',)


@pytest.mark.parametrize(
    ('files', 'fault'),
    [
        (('CC.png',), 'may mean each of 3 images'),
        (('P1/CC.tif', 'P1/CC.bmp'), 'may mean each of 2 names'),
        (('P1/CC.png', 'made_images_P1_CC.png'), 'both mean images/P1/CC.png'),
        (('images/P1/CC.png', 'P1/CC.tif'), 'both mean images/P1/CC.png'),
        (
            ('x.png',),
            r'none of its files, such as x\.png, means an image of the index, such as images/P1/CC.png',
        ),
        ((), 'no masks in it'),
    ],
)
def test_what_is_not_clear_is_refused(rows, tmp_path, files, fault):
    folder = tmp_path / 'cad'
    folder.mkdir()
    write_masks(folder, dict.fromkeys(files, MARK))
    with pytest.raises(DataFileError, match=fault):
        find_files(folder, rows)


def test_a_folder_that_is_not_there_is_said(rows, tmp_path):
    with pytest.raises(DataFileError, match='no such folder'):
        find_files(tmp_path / 'cad', rows)


def segmentation(folder, uid, name):
    source = save(folder.parent, digital(SHAPE, SOPInstanceUID=uid), f'{uid}.dcm')
    folder.mkdir(exist_ok=True)
    return write_segmentation(source, MARK, folder / name, model='cad')


def test_a_segmentation_means_the_image_that_it_names_whatever_its_file_name(rows, tmp_path):
    pytest.importorskip('highdicom')
    folder = tmp_path / 'cad'
    segmentation(folder, '1.2.3.1', 'IM0001')
    segmentation(folder, '9.9.9', 'P2_MLO.dcm')  # names nothing here
    found = find_files(folder, rows)
    assert names(found, folder) == {'images/P1/MLO.png': 'IM0001'}
    assert found.files['images/P1/MLO.png'].uid == '1.2.3.1'
    assert found.unmatched == ('P2_MLO.dcm',)
    segmentation(folder, '1.2.3.1', 'IM0002')
    with pytest.raises(DataFileError, match=r'IM0001 and IM0002 both mean images/P1/MLO\.png'):
        find_files(folder, rows)


def test_a_segmentation_of_another_uid_is_matched_by_its_name(rows, tmp_path):
    pytest.importorskip('highdicom')
    folder = tmp_path / 'cad'
    segmentation(folder, '9.9.9', 'made_images_P2_MLO.dcm')
    assert find_files(folder, rows).files['images/P2/MLO.png'].uid == ''


def test_a_table_may_not_give_an_image_the_segmentation_of_another(rows, tmp_path):
    pytest.importorskip('highdicom')
    folder = tmp_path / 'cad'
    segmentation(folder, '1.2.3.1', 'a.dcm')
    segmentation(folder, '9.9.9', 'b.dcm')
    given = table(tmp_path, 'image,mask', 'P1/MLO,a.dcm', 'P2/CC,b.dcm')
    found = read_mask_table(given, folder, rows).files
    assert [file.uid for file in found.values()] == ['1.2.3.1', '']
    given = table(tmp_path, 'image,mask', 'P1/CC,a.dcm')
    with pytest.raises(DataFileError, match=r'a\.dcm is a DICOM SEG of images/P1/MLO\.png'):
        read_mask_table(given, folder, rows)


def test_a_damaged_segmentation_is_no_file_that_means_nothing(rows, tmp_path):
    pytest.importorskip('highdicom')
    folder = tmp_path / 'cad'
    path = segmentation(folder, '1.2.3.1', 'IM0001')
    write_masks(folder, {'P1/CC.png': MARK})
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(DataFileError, match='IM0001'):
        find_files(folder, rows)


def table(folder, *lines):
    path = folder / 'cad.csv'
    path.write_text('\n'.join(lines) + '\n')
    return path


def test_a_table_names_files_and_scores_and_images_without_marks(rows, tmp_path):
    write_masks(tmp_path / 'cad', {'a.png': MARK})
    given = table(tmp_path, 'Image;Mask;Score', 'P1/CC;a.png;0.75', 'P2\\CC.dcm;;0.25', 'P7;;0')
    found = read_mask_table(given, tmp_path / 'cad', rows)
    assert names(read_mask_table(given, tmp_path / 'cad', rows[:2]), tmp_path / 'cad') == {
        'images/P1/CC.png': 'a.png'
    }
    assert {image: file.score for image, file in found.files.items()} == {
        'images/P1/CC.png': 0.75,
        'images/P2/CC.png': 0.25,
    }
    assert found.files['images/P2/CC.png'].path is None
    assert found.unmatched == ('P7',)


@pytest.mark.parametrize(
    ('lines', 'fault'),
    [
        (('image,mask,score', 'P1/CC,a.png,80'), r"row 2: score '80'\. Allowed: a number from 0"),
        (('image,mask,score', 'P1/CC,a.png,x'), r"row 2: score 'x'"),
        (('image,mask,score', 'P1/CC,a.png,1', 'P2/CC,,'), '1 of 2 images have no score'),
        (('image,mask', 'P1/CC,b.png'), r'row 2: .*b\.png is missing'),
        (('image,mask', 'P1/CC,a.png', 'P1/CC,'), 'row 3: P1/CC has a row already'),
        (('image,mask', ',a.png'), 'row 2: column image is empty'),
        (('image,mask', 'x,a.png'), 'none of its 1 rows means an image'),
        (('image,file', 'x,a.png'), 'mask'),
    ],
)
def test_a_table_that_is_not_clear_is_refused(rows, tmp_path, lines, fault):
    write_masks(tmp_path / 'cad', {'a.png': np.zeros(SHAPE, np.uint8)})
    with pytest.raises((DataFileError, DataIndexError), match=fault):
        read_mask_table(table(tmp_path, *lines), tmp_path / 'cad', rows)
