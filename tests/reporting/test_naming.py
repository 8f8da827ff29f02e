from pathlib import PurePath

import pytest

from mmseg_mammo.reporting.naming import dataset_name, may_be_one, name_folders, telling_tail


def entry(path, index, **more):
    return {'data_root': path, 'index_sha256': index, 'split': 'test', **more}


@pytest.mark.parametrize(
    'path, others, tail',
    [
        ('/x/a/p', [], 'p'),
        ('/x/a/p', ['/x/b/q'], 'p'),
        ('/x/a/p', ['/x/b/p'], 'a/p'),
        ('/x/a/p', ['/x/b/p', '/y/a/p'], 'x/a/p'),
        ('a/p', ['/x/b/p'], 'a/p'),
    ],
)
def test_as_much_of_a_path_as_tells_it_apart(path, others, tail):
    assert telling_tail(PurePath(path), [PurePath(other) for other in others]) == tail


@pytest.mark.parametrize(
    'one, other, same',
    [('data/p', '/x/data/p', True), ('data/p', '/x/other/p', False), ('', 'data/p', False)],
)
def test_a_relative_path_may_be_the_end_of_an_absolute_one(one, other, same):
    assert may_be_one(PurePath(one), PurePath(other)) is same


def test_no_two_data_sets_share_a_name_and_no_data_set_has_two():
    paths = ['/a/p', '/b/p', 'p', 'b/p', '/a/p', '/c/q', '.', '/a/p/']
    found = [entry(path, f'{number}' * 64) for number, path in enumerate(paths)]
    found += [entry('/moved/to/r', '0' * 64), {'members': [entry('/m/p', 'm' * 64)]}]
    names = name_folders(found)
    assert len(set(names.values())) == len(paths) + 1
    assert names['0' * 64] == 'r'
    assert names['5' * 64] == 'q'


def test_what_narrows_a_data_set_down_follows_its_name():
    found = [entry('/a/p', 'a'), entry('/b/p', 'b', finding='mass', split='val')]
    names = name_folders(found)
    assert [dataset_name(one, folders=names) for one in found] == [
        'a/p',
        'b/p (mass only) (val split)',
    ]


def test_a_part_goes_by_the_name_of_the_whole():
    found = [entry('/a/ours', 'a'), {**entry('/a/ours', 'p', split='train'), 'part_of': 'a'}]
    names = name_folders(found)
    assert [dataset_name(one, one['split'], names) for one in found] == ['ours', 'ours']


def test_an_old_run_without_the_hash_of_its_index_goes_by_its_path():
    found = [{'data_root': f'/{name}/p', 'split': 'test'} for name in 'ab']
    names = name_folders(found)
    assert [dataset_name(one, folders=names) for one in found] == ['a/p', 'b/p']


def test_several_data_sets_in_one_are_called_by_their_members():
    members = [{'data_root': f'data/{name}', 'split': 'train'} for name in ('a', 'b')]
    assert dataset_name({'members': members}, usual='train') == 'a + b'
    assert dataset_name({'members': members}) == 'a (train split) + b (train split)'
