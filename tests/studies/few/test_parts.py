"""Parts and folds: indices beside nothing of the user's, and patients that are never divided."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from mmseg.registry import DATASETS

from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.index import read_index
from mmseg_mammo.studies.few.parts import make_folds, write_part


def listing(folder):
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob('*'))


def rows_of(prepared, patients=12, each=2):
    """Rows of many patients: every third one is normal."""
    row = read_index(prepared / 'index.csv')[0]
    found = []
    for patient in range(patients):
        for number in range(each):
            normal = patient % 3 == 2
            found.append(
                replace(
                    row,
                    image=f'{patient}_{number}.png',
                    mask='' if normal else f'm{patient}_{number}.png',
                    patient_id=f'P{patient}',
                    annotated='normal' if normal else 'lesion',
                )
            )
    return found


def test_a_part_has_the_images_that_are_given_and_leaves_the_data_alone(prepared, tmp_path):
    before = listing(prepared)
    splits = {'images/0.png': 'test', 'images/1.png': 'test', 'images/4.png': 'train'}
    part = write_part(prepared, tmp_path / 'parts' / 'one.csv', splits)
    assert {row.image: row.split for row in read_index(part)} == splits
    assert listing(prepared) == before
    own = {row.image: row for row in read_index(prepared / 'index.csv')}
    assert all(replace(own[row.image], split=row.split) == row for row in read_index(part))


def test_a_data_set_reads_a_part_from_beside_it_and_by_the_folder_of_the_data(prepared, tmp_path):
    part = write_part(prepared, tmp_path / 'one.csv', {'images/0.png': 'test'})
    for root in (prepared, tmp_path, None):
        settings = dict(data_root=root and str(root), ann_file=str(part), split='test')
        data = DATASETS.build(dict(type='MammographyDataset', pipeline=[], **settings))
        assert len(data) == 1
        assert Path(data[0]['img_path']).read_bytes() == (prepared / 'images/0.png').read_bytes()


def test_parts_share_a_folder_and_the_same_part_is_left_alone(prepared, tmp_path):
    one = write_part(prepared, tmp_path / 'one.csv', {'images/0.png': 'train'})
    before = one.stat().st_mtime_ns
    write_part(prepared, tmp_path / 'two.csv', {'images/0.png': 'test'})
    write_part(prepared, tmp_path / 'one.csv', {'images/0.png': 'train'})
    assert one.stat().st_mtime_ns == before
    with pytest.raises(MammoError, match=r'one\.csv is there, and of other images or splits'):
        write_part(prepared, tmp_path / 'one.csv', {'images/0.png': 'val'})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'images',
        'masks',
        'one.csv',
        'two.csv',
    ]


def test_what_is_there_is_not_taken_for_a_link(prepared, tmp_path):
    (tmp_path / 'images').mkdir()
    with pytest.raises(MammoError, match='is something else than a link'):
        write_part(prepared, tmp_path / 'one.csv', {'images/0.png': 'train'})


def test_no_part_lies_in_the_folder_of_the_data(prepared):
    with pytest.raises(MammoError, match='would lie in the folder of the data'):
        write_part(prepared, prepared / 'parts' / 'one.csv', {'images/0.png': 'train'})


@pytest.mark.parametrize(
    ('splits', 'said'),
    [
        ({'images/9.png': 'train'}, r"no image 'images/9\.png'"),
        ({}, 'without an image'),
        ({'images/0.png': 'train', 'images/1.png': 'test'}, 'several splits'),
    ],
)
def test_parts_that_cannot_be_are_refused(prepared, tmp_path, splits, said):
    with pytest.raises(DataIndexError, match=said):
        write_part(prepared, tmp_path / 'one.csv', splits)


@pytest.mark.parametrize('seed', [0, 1])
def test_a_patient_is_in_one_fold_and_each_fold_has_lesions_and_normals(prepared, seed):
    rows = rows_of(prepared)
    folds = make_folds(rows, 4, seed)
    assert list(folds) == [row.image for row in rows]
    by_patient = {(row.patient_id, folds[row.image]) for row in rows}
    assert len(by_patient) == 12
    kinds = Counter((folds[row.image], row.annotated) for row in rows)
    assert {fold for fold, _ in kinds} == {1, 2, 3, 4}
    assert all(kinds[fold, 'normal'] == 2 and kinds[fold, 'lesion'] == 4 for fold in (1, 2, 3, 4))


def test_folds_follow_their_seed(prepared):
    rows = rows_of(prepared)
    assert make_folds(rows, 3, 5) == make_folds(rows, 3, 5)
    assert make_folds(rows, 3, 5) != make_folds(rows, 3, 6)


def test_images_that_nobody_annotated_are_in_no_fold(prepared):
    rows = rows_of(prepared)
    unseen = replace(rows[0], image='x.png', mask='', annotated='no')
    assert 'x.png' not in make_folds([*rows, unseen], 3)


@pytest.mark.parametrize(('count', 'said'), [(1, '1 folds'), (13, '13 folds of 12 patients')])
def test_folds_that_cannot_be_are_refused(prepared, count, said):
    with pytest.raises(MammoError, match=said):
        make_folds(rows_of(prepared), count)


def test_as_many_folds_as_patients(prepared):
    """Each patient has a fold, also where there are fewer images of a kind than folds."""
    assert sorted(set(make_folds(rows_of(prepared, each=1), 12).values())) == list(range(1, 13))


def test_one_patient_cannot_be_divided_and_what_can_be_done_is_said(prepared):
    with pytest.raises(
        MammoError, match=r'folds: all 2 .* of one patient.*Train one config with --folds 0'
    ):
        make_folds(rows_of(prepared, patients=1), 5)
