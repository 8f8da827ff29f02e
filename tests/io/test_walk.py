import os
from pathlib import Path, PurePosixPath

import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.walk import files_in, is_plain, walk


@pytest.fixture
def tree(tmp_path):
    for name in ('root/b/2', 'root/a/1', 'else/c/3', 'root/.git/x', 'root/__MACOSX/._1'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / 'root'


def files(root):
    return [(folder / name).relative_to(root).as_posix() for folder, n in walk(root) for name in n]


def test_every_file_comes_once_in_order_and_system_folders_do_not(tree):
    assert files(tree) == ['a/1', 'b/2']


def test_linked_folders_are_walked_and_loops_end(tree):
    (tree / 'a/else').symlink_to(tree.parent / 'else')
    (tree.parent / 'else/back').symlink_to(tree)
    (tree.parent / 'else/self').symlink_to('.')
    assert files(tree) == ['a/1', 'b/2', 'a/else/c/3']


def test_a_file_has_its_own_path_where_it_has_one(tree):
    (tree / '0').symlink_to('b')
    assert files(tree) == ['a/1', 'b/2']


def test_links_to_nothing_are_told(tree):
    (tree / 'batch').symlink_to('../unmounted')
    assert files(tree) == ['batch', 'a/1', 'b/2']


def test_the_root_may_be_a_link_and_may_lie_below_a_hidden_folder(tree, tmp_path):
    (tmp_path / '.mnt').mkdir()
    (tmp_path / '.mnt/root').symlink_to(tree)
    assert files(tmp_path / '.mnt/root') == ['a/1', 'b/2']


def test_a_folder_that_cannot_be_listed_stops(tree, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if Path(path).name == 'b':
            raise PermissionError(13, 'Permission denied', str(path))
        return scan(path)

    with monkeypatch.context() as patch:  # the folder is removed by scandir, too
        patch.setattr(os, 'scandir', refuse)
        with pytest.raises(DataFileError, match='b: Permission denied'):
            files(tree)


def test_caches_are_left_out_and_a_root_is_not(tmp_path):
    for name in ('cache/chain/slots.bin', 'images/a.png'):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b'')
    (tmp_path / 'cache' / 'CACHEDIR.TAG').write_text('Signature')
    (tmp_path / 'CACHEDIR.TAG').write_text('Signature')

    assert [folder for folder, _ in walk(tmp_path)] == [tmp_path, tmp_path / 'images']


def test_the_files_of_a_folder_are_those_that_can_be_opened(tree):
    (tree / 'a/link').symlink_to(tree / 'b/2')
    (tree / 'a/broken').symlink_to(tree / 'nothing')
    (tree / 'a/folder').mkdir()
    assert files_in(tree / 'a') == {'1', 'link'}
    assert files_in(tree / 'absent') == set()


@pytest.mark.parametrize(
    'path', ['', '/a', 'a/../b', '..', './a', 'a//b', 'a/', 'a/.', '.', 'a', 'a b/.c/..d', 'ä/b']
)
def test_a_plain_path_is_one_that_pathlib_leaves_as_it_is(path):
    pure = PurePosixPath(path)
    plain = not pure.is_absolute() and '..' not in pure.parts and str(pure) == path
    assert is_plain(path) == plain
