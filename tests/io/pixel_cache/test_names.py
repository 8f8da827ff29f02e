import os

from mmseg_mammo.io.pixel_cache.names import add_names, read_names


def opened(path):
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_names_keep_their_slots_when_others_are_added(tmp_path):
    path = tmp_path / 'names.txt'

    assert add_names(path, ['a/1.png', 'ä\n.png'], opened) == {'a/1.png': 0, 'ä\n.png': 1}
    before = path.read_bytes()
    assert add_names(path, ['new', 'ä\n.png', 'new'], opened)['new'] == 2
    assert path.read_bytes().startswith(before)
    assert read_names(path) == {'a/1.png': 0, 'ä\n.png': 1, 'new': 2}


def test_half_a_line_of_a_killed_process_is_replaced(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_bytes(b'"a"\n"b')

    assert read_names(path) == {'a': 0}
    assert add_names(path, ['c'], opened) == {'a': 0, 'c': 1}
    assert path.read_bytes() == b'"a"\n"c"\n'


def test_no_table(tmp_path):
    assert read_names(tmp_path / 'names.txt') == {}


def test_a_damaged_line_gives_no_image_the_slot_of_another(tmp_path):
    path = tmp_path / 'names.txt'
    path.write_bytes(b'"a"\n\0\0\0\n"c"\n"c"\n')

    assert read_names(path) == {'a': 0, 'c': 3}
    assert add_names(path, ['b'], opened) == {'a': 0, 'c': 3, 'b': 4}
    assert read_names(path) == {'a': 0, 'c': 3, 'b': 4}
