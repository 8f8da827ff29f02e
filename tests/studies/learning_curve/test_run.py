"""Cells are trained and tested once, go on where they stopped, and one that fails leaves the others alone."""

import csv
import json

import pytest

from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.holding import hold
from mmseg_mammo.studies.in_turn import train_in_turn
from mmseg_mammo.studies.learning_curve.fits import FoldFit, PlainFit, auto_config
from mmseg_mammo.studies.learning_curve.gather import gather_tables
from mmseg_mammo.studies.learning_curve.run import check_cells, run_cells
from mmseg_mammo.studies.learning_curve.study import Study


@pytest.fixture(scope='module')
def study(tmp_path_factory, hospital, start, few):
    """The start, and one seed of four and of all images, trained and tested."""
    folder = tmp_path_factory.mktemp('study') / 'curve'
    made = Study(folder, hospital, start, {'full': few}, ['0', '4', 'all'], seeds=1)
    check_cells(made, made.cells(), PlainFit(None))
    assert not folder.exists()  # nothing is written by looking
    made.begin()
    said = []
    assert run_cells(made, made.cells(), PlainFit(train_in_turn), said.append) == []
    assert said[0] == '3 cells, 0 of them done before.'
    assert said[-1].startswith('3 of 3, full/count_all/seed_0: lesion Dice ')
    assert said[-1].endswith('about 0 min left')
    return made


def test_each_cell_says_what_it_learned_from_and_scored(study):
    tables = gather_tables(study.folder)
    assert [(c['config'], c['count'], c['images']) for c in tables.cells] == [
        ('start', '0', '0'),
        ('full', '4', '4'),
        ('full', 'all', '10'),
    ]
    cell = tables.cells[1]
    assert int(cell['lesion_images']) + int(cell['normal_images']) == 4
    assert int(cell['trained_parameters']) == int(cell['parameters']) > 0
    assert float(cell['threshold']) == 0.5
    tested = [line for line in tables.patients if line['config'] == 'full']
    assert len(tested) == 2 * 5  # the six test patients have five lesions
    [run] = (study.folder / 'full/count_4/seed_0/test').glob('*/per_image_test.csv')
    rows = [row for row in csv.DictReader(run.open()) if float(row['truth_pixels'])]
    dice = sum(100 * float(row['dice']) for row in rows) / len(rows)
    assert float(cell['lesion_dice']) == pytest.approx(dice, abs=1e-3)


def test_the_test_images_are_those_of_the_users_folder(study, hospital):
    for run in study.folder.rglob('test.json'):
        assert json.loads(run.read_text())['data_root'] == str(hospital)


def test_weights_stay_of_count_all_alone(study):
    assert not [*(study.folder / 'full/count_4').rglob('*.pth')]
    assert (study.folder / 'full/count_all/seed_0/training/best.pth').is_file()


def test_what_is_done_is_not_done_again(study):
    def never(*_):
        raise AssertionError

    said = []
    assert run_cells(study, study.cells(), never, said.append) == []
    assert said == ['3 cells, 3 of them done before.']


def test_a_cell_that_fails_is_told_and_tried_again(study, few):
    tried = []

    def fails(cfg, start, data, work_dir, seed):
        tried.append((seed, len([*csv.DictReader(data.part.open())])))
        raise MammoError('no memory', remedy='Buy some')

    more = Study(study.folder, study.data_root, study.start, {'full': few}, ['6'], seeds=2)
    for _ in range(2):
        failed = run_cells(more, more.cells(), fails, lambda _: None)
        assert failed == [f'full/count_6/seed_{seed}: no memory. Buy some.' for seed in (0, 1)]
    assert tried == [(0, 6), (1, 6)] * 2
    assert len(gather_tables(study.folder).cells) == 3


def test_a_cell_of_another_process_is_left_to_it(study, few):
    more = Study(study.folder, study.data_root, study.start, {'full': few}, ['7'], seeds=1)
    home = study.folder / 'full/count_7/seed_0'
    home.mkdir(parents=True)
    said = []
    with hold(home):
        assert run_cells(more, more.cells(), None, said.append) == []
    assert said[-1] == 'full/count_7/seed_0: another process does it'


def test_an_interrupted_training_goes_on_and_a_test_is_repeated_alone(study, few, monkeypatch):
    more = Study(study.folder, study.data_root, study.start, {'full': few}, ['8'], seeds=1)
    begun = []

    def once(cfg, resume):
        begun.append(resume)
        if len(begun) == 1:
            (study.folder / 'full/count_8/seed_0/training').mkdir(parents=True)
            raise KeyboardInterrupt
        train_in_turn(cfg, resume)

    with pytest.raises(KeyboardInterrupt):
        run_cells(more, more.cells(), PlainFit(once), lambda _: None)
    with monkeypatch.context() as patch:

        def breaks(*_):
            raise KeyboardInterrupt

        patch.setattr('mmseg_mammo.studies.learning_curve.run.run_test', breaks)
        with pytest.raises(KeyboardInterrupt):
            run_cells(more, more.cells(), PlainFit(once), lambda _: None)
    assert run_cells(more, more.cells(), PlainFit(once), lambda _: None) == []
    assert begun == [False, False]  # the third call tested what the second had trained


def test_a_config_that_does_not_fit_is_refused_before_any_training(study, few):
    wrong = few.copy()
    wrong.tuning = {**few.tuning, 'starts': ('sam',)}
    more = Study(study.folder, study.data_root, study.start, {'wrong': wrong}, ['4'], seeds=1)
    with pytest.raises(MammoError, match='few/unet_full'):
        check_cells(more, more.cells(), PlainFit(None))


def test_a_count_that_folds_cannot_choose_by_is_refused_before_any_training(study, few):
    both = auto_config({'few/unet_full': few}, 1)
    other = read_config('strong/unet_strong_cbis')
    for counts, config in ((['1'], both), (['4'], other)):
        made = Study(study.folder, study.data_root, study.start, {'x': config}, counts, seeds=1)
        with pytest.raises(MammoError, match=r'one patient alone|which tunes no checkpoint'):
            check_cells(made, made.cells(), FoldFit(None, 3))
    fine = Study(study.folder, study.data_root, study.start, {'x': both}, ['4'], seeds=1)
    check_cells(fine, fine.cells(), FoldFit(None, 3))
