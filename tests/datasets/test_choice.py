"""Which rows of an index a data set has."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from mmseg_mammo.datasets.choice import (
    Filters,
    add_counts,
    cache_names,
    choose_rows,
    read_chosen,
    refuse_twins,
)
from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import read_index, write_index


def test_filters_are_applied_one_after_another_and_counted():
    rows = [SimpleNamespace(view=view, split=split) for view, split in ('aa', 'ab', 'bb', 'cc')]
    filters = {
        'views': lambda row: row.view != 'c',
        'nothing': lambda row: True,
        'splits': lambda row: row.split != 'b',
    }
    kept, counts, lines = choose_rows(rows, filters)
    assert kept == rows[:1]
    assert counts == (1, 0, 2)
    assert lines == ['views leaves out 1 of 4', 'splits leaves out 2 of 3']


ALL = Filters('train', None, None, annotated_only=True, image_labels=True)


def test_an_index_is_read_and_filtered(prepared):
    chosen = read_chosen(prepared / 'index.csv', replace(ALL, finding='mass'))
    assert [row.image for row in chosen.rows] == ['images/0.png', 'images/2.png', 'images/3.png']
    assert len(chosen.images) == 9
    assert chosen.left_out == (0, 1, 0)
    assert chosen.lines == ["finding='mass' leaves out 1 of 4 images of split train"]


def test_a_split_that_is_not_there_is_no_matter_of_filters(prepared, tmp_path):
    rows = [
        replace(row, split='val' if row.split == 'train' else 'test')
        for row in read_index(prepared / 'index.csv')
    ]
    for name in ('images', 'masks'):
        (tmp_path / name).symlink_to(prepared / name)
    write_index(tmp_path / 'index.csv', rows)
    with pytest.raises(DataIndexError) as error:
        read_chosen(tmp_path / 'index.csv', replace(ALL, finding='mass'))
    assert str(error.value) == (
        f'{tmp_path / "index.csv"}: no row of split train. Allowed: splits and their rows: test 5, val 4. '
        'Prepare its images again with train in the column split of their table; '
        'where a table has no such column, all are test.'
    )


def test_none_may_pass_only_of_an_added_folder_that_is_not_trained_on(prepared):
    index, nothing = prepared / 'index.csv', replace(ALL, split='val', views=('FB',))
    for filters in (nothing, replace(nothing, split='train').of_another()):
        with pytest.raises(DataIndexError, match='none of its 9 rows passes'):
            read_chosen(index, filters)
    chosen = read_chosen(index, nothing.of_another())
    assert chosen.rows == []
    assert chosen.lines == ['no image of it is added to split val (normal_sources)']


def test_added_images_are_annotated_whatever_the_setting():
    assert replace(ALL, annotated_only=False).of_another().annotated_only


def test_counts_of_two_indices():
    assert add_counts((1, 2, 3), (10, 20, 30)) == (11, 22, 33)


def test_images_of_another_folder_have_names_of_their_own_in_the_cache(tmp_path):
    items = [
        {'image': 'images/a.png', 'img_path': f'{tmp_path / folder}/images/a.png'}
        for folder in ('ours', 'theirs')
    ]
    names = cache_names(items, tmp_path / 'ours')
    assert names == ['images/a.png', str(tmp_path / 'theirs/images/a.png')]


def test_images_that_results_could_not_tell_apart_are_refused():
    refuse_twins([('A', 'a.png'), ('B', 'a.png')])
    with pytest.raises(DataIndexError, match=r"2 images of source 'A' are called a\.png"):
        refuse_twins([('A', 'a.png'), ('A', 'b.png'), ('A', 'a.png')])
