"""Inputs of a prediction: files, folders, tables, prepared folders."""

import os
import re
import shutil
from dataclasses import replace

import numpy as np
import openpyxl
import pytest
from tiny_models import write_blobs

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import read_index, write_index


@pytest.fixture
def find(tmp_path):
    """The images of places, with their keys, written to ``out``."""

    def names(*places, **options):
        found = find_inputs([tmp_path / place for place in places], tmp_path / 'out', **options)
        return [(source.image, source.key) for source in found]

    return names


@pytest.fixture
def image(tmp_path):
    """A function that makes an image file, so called."""

    def make(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'an image by its name')
        return path

    return make


def test_a_folder_gives_all_images_below_it_but_those_of_systems(find, image, save_dicom):
    for name in ('a.png', 'b/c.JPG', 'b/d/e.tiff', '._a.png', '.hidden/f.png', '__MACOSX/g.png'):
        image(f'in/{name}')
    image('in/notes.txt')
    image('in/table.csv')
    pixels = np.zeros((4, 4), np.uint16)
    for name in ('IM0001', 'DICOMDIR', 'b/x.dcm'):
        save_dicom(pixels, f'in/{name}')
    keys = [('IM0001', 'IM0001'), ('a.png', 'a'), ('b/c.JPG', 'c'), ('b/x.dcm', 'x')]
    assert find('in') == [*keys, ('b/d/e.tiff', 'e')]


def test_one_name_in_several_folders_is_two_images(find, image):
    for name in ('p/x.png', 'q/x.png', 'p/y.png'):
        image(name)
    assert find('p', 'q') == [('p/x.png', 'p_x'), ('y.png', 'y'), ('q/x.png', 'q_x')]
    assert find('p/x.png', 'q/x.png') == [('p/x.png', 'p_x'), ('q/x.png', 'q_x')]
    assert find('p/x.png', 'q') == [('p/x.png', 'p_x'), ('q/x.png', 'q_x')]


def test_an_image_is_taken_once_also_by_a_link_and_from_several_places(find, image, tmp_path):
    image('p/x.png')
    (tmp_path / 'p' / 'same.png').symlink_to('x.png')
    (tmp_path / 'q').symlink_to('p')
    assert find('p/x.png', 'p', 'q') == [('x.png', 'x')]
    assert find('p') == [('same.png', 'same')]


def test_what_predictions_are_is_no_input(find, image, tmp_path):
    image('in/a.png')
    image('in/old/masks/a.png')
    image('in/old/.journal/settings.json')
    assert find('in') == [('a.png', 'a')]
    image('out/masks/b.png')
    (tmp_path / 'in' / 'link').symlink_to(tmp_path / 'out')
    assert find('in') == [('a.png', 'a')]
    with pytest.raises(
        DataFileError, match=r'no image in it but those in .*out, the folder to write to'
    ):
        find('out')


def test_a_table_tells_what_it_knows_of_images(image, tmp_path):
    image('in/a.png')
    table = tmp_path / 'in' / 'table.csv'
    table.write_text(
        '# made by hand\nImage;Patient ID;laterality;view;spacing_mm\n'
        'a.png;P1;l;mlo;0,07\nmissing.dcm;;RIGHT;;0.1 0.2\n'
    )
    one, two = find_inputs([table], tmp_path / 'out')
    assert (one.path, one.patient_id, one.laterality) == (tmp_path / 'in' / 'a.png', 'P1', 'LEFT')
    assert (one.view, one.spacing) == ('MLO', (0.07, 0.07))
    assert (two.laterality, two.spacing, two.facts) == (
        'RIGHT',
        (0.1, 0.2),
        {'image': 'missing.dcm', 'spacing_mm': (0.1, 0.2)},
    )


@pytest.mark.parametrize(
    ('row', 'said'),
    [
        ('a.png,X,', "row 3: image 'a.png', laterality 'X'"),
        (',L,0.1', "row 3: image '', laterality 'LEFT'"),
        ('a.png,L,about 0.1', "row 3: spacing_mm 'about 0.1'"),
        ('a.png,L,-1', "row 3: spacing_mm '-1'"),
    ],
)
def test_a_row_that_cannot_be_understood_is_named(row, said, tmp_path):
    table = tmp_path / 'table.csv'
    table.write_text(f'image,laterality,spacing_mm\nb.png,L,0.1\n{row}\n')
    with pytest.raises(DataFileError, match=said):
        find_inputs([table], tmp_path / 'out')


def test_a_prepared_folder_gives_the_images_of_its_index(prepared, tmp_path):
    found = find_inputs([prepared], tmp_path)
    assert [source.image for source in found] == [f'images/{n}.png' for n in range(9)]
    assert [source.key for source in found] == list('012345678')
    assert find_inputs([prepared / 'index.csv'], tmp_path) == found
    assert found[0].facts == {'image': 'images/0.png', 'original_height': 80, 'original_width': 64}
    assert (found[0].patient_id, found[0].laterality, found[0].view) == ('A', 'LEFT', 'CC')
    assert (found[0].extent_mm, found[0].spacing) == (None, None)
    split = find_inputs([prepared], tmp_path, 'test')
    assert [source.key for source in split] == ['6', '7', '8']


def test_the_index_tells_the_size_in_mm_and_a_split_without_images_is_refused(prepared, tmp_path):
    rows = [row for row in read_index(prepared / 'index.csv') if row.split == 'test']
    for name in ('images', 'masks'):
        (tmp_path / name).symlink_to(prepared / name)
    changed = dict(imager_pixel_spacing='0.1 0.2', original_height=160, original_width=128)
    write_index(tmp_path / 'index.csv', [replace(row, **changed) for row in rows])
    found = find_inputs([tmp_path], tmp_path / 'out')
    assert found[0].extent_mm == pytest.approx((16.0, 25.6))
    for place in (tmp_path, tmp_path / 'index.csv'):
        with pytest.raises(DataFileError, match=r'no image in it.*or --split train'):
            find_inputs([place], tmp_path / 'out', 'train')


def test_what_is_no_input_is_refused(find, image, tmp_path):
    image('letter.docx')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'rows.csv').write_text('image\n')
    for name, said in (
        ('letter.docx', 'neither an image nor a table'),
        ('nothing', 'no such file or folder'),
        ('empty', 'empty: no image in it'),
        ('rows.csv', 'rows.csv: no image in it'),
    ):
        with pytest.raises(DataFileError, match=said):
            find(name)


def test_the_fingerprint_changes_with_the_file_its_place_and_what_is_known_of_it(tmp_path):
    write_blobs(tmp_path / 'p' / 'a.png', 1)
    write_blobs(tmp_path / 'q' / 'a.png', 1)
    time = (tmp_path / 'p' / 'a.png').stat()
    os.utime(tmp_path / 'q' / 'a.png', ns=(time.st_atime_ns, time.st_mtime_ns))
    table = tmp_path / 'p' / 't.csv'

    def fingerprint(place):
        return find_inputs([place], tmp_path / 'out')[0].fingerprint()

    prints = [fingerprint(tmp_path / 'p' / 'a.png'), fingerprint(tmp_path / 'q' / 'a.png')]
    table.write_text('image,spacing_mm\na.png,0.1\n')
    prints.append(fingerprint(table))
    os.utime(tmp_path / 'p' / 'a.png', ns=(1, 1))
    prints.append(fingerprint(table))
    assert len(set(prints)) == 4
    assert fingerprint(table) == prints[-1]
    source = find_inputs([table], tmp_path / 'out')[0]
    (tmp_path / 'p' / 'a.png').unlink()
    assert source.fingerprint() == ''


def test_a_split_is_of_prepared_folders(find, image, prepared, tmp_path):
    image('in/a.png')
    with pytest.raises(DataFileError, match='--split test: none of the inputs is a prepared'):
        find('in', split='test')
    (tmp_path / 'ours').symlink_to(prepared)
    assert len(find('in', 'ours/index.csv', split='test')) == 4


def test_masks_of_a_preparation_below_a_folder_are_no_images(prepared, tmp_path):
    (tmp_path / 'data').mkdir()
    shutil.copytree(prepared, tmp_path / 'data' / 'ours')
    found = find_inputs([tmp_path / 'data'], tmp_path / 'out')
    assert found and all('/images/' in source.image for source in found)
    assert [s.image.removeprefix('ours/') for s in found] == [
        s.image for s in find_inputs([prepared], tmp_path / 'out')
    ]
    assert all(source.patient_id for source in found)


def test_names_that_differ_in_capitals_alone_get_a_hash(tmp_path):
    for name in ('A.png', 'a.png'):
        write_png(tmp_path / 'in' / name, np.zeros((8, 8), np.uint8))
    keys = [source.key for source in find_inputs([tmp_path / 'in'], tmp_path / 'out')]
    assert len({key.casefold() for key in keys}) == 2
    assert all(re.fullmatch('[aA]-[0-9a-f]{8}', key) for key in keys)


def test_a_table_may_be_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    for row in (['image', 'patient_id', 'laterality'], ['a.png', '007', 'L']):
        book.active.append(row)
    book.save(tmp_path / 'table.xlsx')
    (found,) = find_inputs([tmp_path / 'table.xlsx'], tmp_path / 'out')
    assert (found.path, found.patient_id, found.laterality) == (tmp_path / 'a.png', '007', 'LEFT')
