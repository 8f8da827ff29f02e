"""What is on the disk where a hospital names a file."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.hospital.disk import (
    fault_of,
    find_file,
    find_images,
    is_beside,
    list_names,
    place_of,
    resolve_links,
)
from mmseg_mammo.preparation.output import OPTIONS_NAME

NFC, NFD = (unicodedata.normalize(form, 'Jürgen') for form in ('NFC', 'NFD'))
TOO_LONG = 'x' * 300
NO_NAME = 'a\0b'


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(root, paths):
    return [path.relative_to(root).as_posix() for path in paths]


def test_files_are_sorted_into_images_what_may_be_one_and_what_lies_beside(tmp_path, save_dicom):
    save_dicom(np.zeros((8, 6), np.uint8), 'b/IM0001')
    touch(tmp_path, 'b/2.PNG', 'a.tif', 'c.gif', 'c', 'readme', 'list.CSV', 'b/notes.txt')
    (tmp_path / 'gone.png').symlink_to('nowhere.png')
    (tmp_path / 'd.png').mkdir()
    (tmp_path / 'e').mkdir()
    found = find_images(tmp_path)
    assert names(tmp_path, found.images) == ['a.tif', 'b/2.PNG', 'b/IM0001']
    assert names(tmp_path, found.others) == ['c', 'c.gif', 'd.png', 'gone.png']
    assert names(tmp_path, found.beside) == ['b/notes.txt', 'e', 'list.CSV', 'readme']


def test_a_prepared_folder_inside_is_left_out_and_at_the_root_it_is_looked_through(tmp_path):
    touch(tmp_path, 'a.png', *(f'out/{n}' for n in (OPTIONS_NAME, 'index.csv', 'images/a.png')))
    touch(tmp_path, 'out/images/deep.png')
    assert names(tmp_path, find_images(tmp_path).images) == ['a.png']
    assert names(tmp_path, find_images(tmp_path / 'out').images) == [
        'out/images/a.png',
        'out/images/deep.png',
    ]


def test_hidden_files_and_folders_are_not_there(tmp_path):
    touch(tmp_path, 'a.png', '._a.png', '.cache/b.png', '__MACOSX/a.png')
    found = find_images(tmp_path)
    assert names(tmp_path, found.images) == ['a.png']
    assert found.others == found.beside == []


@pytest.mark.parametrize(('name', 'said'), [('none', 'no such folder'), ('e', 'no image in it')])
def test_a_folder_without_an_image_is_refused(name, said, tmp_path):
    touch(tmp_path, 'e/readme.txt')
    with pytest.raises(DataIndexError, match=rf'{name}: {said}'):
        find_images(tmp_path / name)


@pytest.mark.parametrize(
    ('name', 'beside'),
    [('a.CSV', True), ('README', True), ('readme.png', False), ('a.gif', False), ('csv', False)],
)
def test_what_lies_beside_is_told_by_its_suffix_or_whole_name(name, beside):
    assert is_beside(Path('x.csv') / name) is beside


def test_faults_of_a_path_are_words_and_a_file_has_none(tmp_path):
    touch(tmp_path, 'Image.PNG')
    (tmp_path / 'gone').symlink_to('nowhere')
    (tmp_path / 'round').symlink_to('round')
    os.mkfifo(tmp_path / 'pipe')
    assert fault_of(tmp_path / 'Image.PNG') == ''
    assert fault_of(tmp_path) == 'is a folder'
    assert fault_of(tmp_path / 'pipe') == 'is no file'
    assert fault_of(tmp_path / 'gone') == 'is a link to nowhere, which does not exist'
    assert fault_of(tmp_path / 'x.png') == 'does not exist'
    assert fault_of(tmp_path / 'image.png') == 'does not exist, but Image.PNG does'
    assert fault_of(tmp_path / 'Image.PNG/x') == 'does not exist'
    for odd in ('round', TOO_LONG, NO_NAME):
        assert fault_of(tmp_path / odd).startswith('cannot be reached ('), odd


def test_a_name_that_appears_later_is_told_too(tmp_path):
    assert fault_of(tmp_path / 'a.png') == 'does not exist'
    touch(tmp_path, 'A.png')
    os.utime(tmp_path, ns=(1, 1))  # on any file system a change of the folder's time
    assert fault_of(tmp_path / 'a.png') == 'does not exist, but A.png does'


@pytest.mark.parametrize(('given', 'there'), [(NFC, NFD), (NFD, NFC)])
def test_letters_composed_in_another_way_are_found_in_folders_too(given, there, tmp_path):
    touch(tmp_path, f'{there}/{there}.png')
    if (tmp_path / given).exists():
        pytest.skip('this file system composes names itself')
    found = find_file(tmp_path / given / f'{given}.png')
    assert found == tmp_path / there / f'{there}.png'
    assert found.is_file()


def test_what_is_there_is_taken_as_it_is_named_and_what_is_not_stays_so(tmp_path):
    touch(tmp_path, f'{NFC}.png', f'{NFD}.png')
    for name in (f'{NFC}.png', f'{NFD}.png', 'Jörg.png', 'ascii.png'):
        assert find_file(tmp_path / name) == tmp_path / name
    listed = []

    def look(folder):
        listed.append(folder)
        return list_names(folder)

    find_file(tmp_path / 'Jörg.png', look)
    assert listed == [str(tmp_path)]
    find_file(tmp_path / f'{NFC}.png', look)
    assert len(listed) == 1  # no folder is listed for a file that is there


@pytest.mark.parametrize('odd', [TOO_LONG, NO_NAME])
def test_no_name_makes_these_functions_fail(odd, tmp_path):
    path = tmp_path / odd
    assert resolve_links(path) == (str(path) if odd == NO_NAME else os.path.realpath(path))
    assert place_of(path) == path.parent.resolve() / odd
    assert list_names(str(path)) == []


def test_links_lie_where_they_are_and_lead_where_they_point(tmp_path):
    touch(tmp_path, 'disk/a.png')
    (tmp_path / 'folder').symlink_to('disk')
    (tmp_path / 'disk/b.png').symlink_to('a.png')
    path = tmp_path / 'folder/b.png'
    assert resolve_links(path) == os.path.realpath(tmp_path / 'disk/a.png')
    assert place_of(path) == Path(os.path.realpath(tmp_path / 'disk'), 'b.png')
    assert list_names(str(tmp_path / 'folder')) == ['a.png', 'b.png']
