import csv
import json

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.learning_curve.cells import Cell
from mmseg_mammo.studies.learning_curve.study import Study, _changes


@pytest.fixture
def make(tmp_path, hospital, start, few):
    def made(**changed):
        settings = dict(folder=tmp_path / 'study', data_root=hospital, start=start, seeds=2)
        return Study(**{**settings, 'configs': {'full': few}, 'counts': ['0', '4'], **changed})

    return made


def splits(path):
    return [(row['image'], row['split']) for row in csv.DictReader(path.open())]


def test_images_come_from_the_split_train_and_the_test_is_that_of_the_index(make):
    study = make()
    cells = study.cells()
    assert len(cells) == 3
    part, tested = study.part(cells[1])
    assert tested is None
    found = splits(part)
    assert len(found) == 4
    assert {split for _, split in found} == {'train'}
    assert all(int(image[7:9]) < 10 for image, _ in found)
    assert study.part(cells[2])[0] != part
    assert study.part(cells[0]) == (study.folder / 'parts', None)


def test_test_folds_take_turns_and_no_patient_is_on_both_sides(make):
    study = make(test_folds=3, counts=['4', 'all'], seeds=1)
    seen = []
    for cell in study.cells():
        if cell.count == 'all':
            part, tested = study.part(cell)
            learned = {image for image, _ in splits(part)}
            held = {image for image, split in splits(tested) if split == 'test'}
            assert not learned & held
            assert len(learned | held) == 16
            seen += held
    assert sorted(seen) == sorted(row.image for row in study.rows)
    _, everything = study.part(Cell('start', '0'))
    assert len(splits(everything)) == 16


def test_a_study_takes_more_configs_and_refuses_to_be_another(make, few):
    make().begin()
    make(configs={'full': few, 'more': few}, counts=['8'], seeds=3).begin()
    for changed, said in (
        (dict(unit='patients'), 'another unit: images; asked is patients'),
        (dict(test_folds=2), 'another test_folds'),
        (dict(mode='folds=5'), 'another fit: folds=0; asked is folds=5'),
    ):
        with pytest.raises(MammoError, match=said):
            make(**changed).begin()
    other = few.copy()
    other.train_cfg = {**few.train_cfg, 'max_iters': 99}
    make(configs={'full': other}).begin()  # nothing was trained yet
    (make().folder / 'full').mkdir()
    said = rf'another config full: train_cfg.max_iters is {few.train_cfg.max_iters}, was 99\.'
    with pytest.raises(MammoError, match=said):
        make().begin()


def test_a_study_of_an_earlier_version_is_compared_too(make, few):
    make().begin()
    (make().folder / 'full').mkdir()
    path = make().folder / 'learning_curve.json'
    known = json.loads(path.read_text())
    known.pop('settings')
    path.write_text(json.dumps(known))
    other = few.copy()
    other.train_cfg = {**few.train_cfg, 'max_iters': 99}
    with pytest.raises(
        MammoError, match='another config full: other settings, by an earlier version'
    ):
        make(configs={'full': other}).begin()
    make().begin()
    assert json.loads(path.read_text())['settings']['full']['train_cfg']


def test_settings_in_lists_are_named_one_by_one_and_long_ones_are_cut():
    before = {'a': [{'x': 1, 'y': 'b' * 200}, 3]}
    after = {'a': [{'x': 2, 'y': 'c'}, 3], 'z': 1}
    assert [*_changes('', before, after)] == [
        'a.0.x is 2, was 1',
        f'a.0.y is c, was {"b" * 79}…',
        'z is 1, was None',
    ]


def test_a_folder_of_something_else_is_left_alone(make):
    make().folder.mkdir()
    (make().folder / 'notes.txt').write_text('mine')
    with pytest.raises(MammoError, match='holds something else than a learning curve'):
        make().begin()


def test_what_cannot_be_studied_is_refused(make):
    with pytest.raises(MammoError, match='--counts 0: the checkpoint before tuning'):
        make(start=None).cells()
    with pytest.raises(MammoError, match='--counts 0 alone'):
        make(counts=['0']).cells()
    with pytest.raises(MammoError, match=r'tunes a checkpoint. Allowed: --from'):
        make(start=None).begin()


def test_data_without_a_test_split_are_refused_with_the_remedy(make, tmp_path, hospital):
    text = (hospital / 'index.csv').read_text().replace(',test,', ',train,')
    for name in ('images', 'masks'):
        (tmp_path / name).symlink_to(hospital / name)
    (tmp_path / 'index.csv').write_text(text)
    with pytest.raises(MammoError, match=r'no outlined lesion in split test.*--test-folds 5'):
        make(data_root=tmp_path).cells()
    assert len(make(data_root=tmp_path, test_folds=2).cells()) == 5
