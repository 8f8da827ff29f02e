import json
from shutil import rmtree

import pytest
from learning_curves import make_curve
from runs import make_runs

from mmseg_mammo.errors import MammoError
from mmseg_mammo.reporting.learning_curves import find_curves, hidden_runs
from mmseg_mammo.reporting.runs import find_runs

CELLS = ('start', 'unet_full/count_5/seed_0', 'unet_full/count_all/seed_0')


@pytest.fixture
def study(tmp_path):
    """A study in which three cells have tests of their own."""
    make_curve(tmp_path / 'study')
    for number, cell in enumerate((*CELLS, 'unet_full/count_all/seed_1')):
        make_runs(
            tmp_path / 'study' / cell, models=(f'unet{number}',), datasets={'zgt': ('Z', 0.0)}
        )
    return tmp_path / 'study'


def test_a_curve_is_found_once_however_often_it_is_named(study):
    [found] = find_curves([study, study.parent])
    assert found.folder == study
    assert len(found.cells) == 1 + 3 * 6 * 3


def test_of_the_cells_the_start_and_the_most_images_are_shown(study):
    found = find_runs([study])
    shown = {test.folder.relative_to(study).parts[:3] for test in found.tests}
    assert {parts[0] for parts in shown} == {'start', 'unet_full'}
    assert {parts[1:] for parts in shown if parts[0] == 'unet_full'} == {('count_all', 'seed_0')}
    assert len(found.curves) == 1
    [(folder, reason)] = [each for each in found.left_out if 'learning curve' in each[1]]
    assert folder == study
    assert reason.startswith('4 runs of single trainings')  # a training and a test each


def test_of_a_study_that_has_gathered_nothing_the_start_alone_is_shown(study):
    for table in study.glob('*.csv'):
        table.unlink()
    (study / 'learning_curve.json').write_text('{}')
    found = find_runs([study.parent, study])
    assert {test.folder.relative_to(study).parts[0] for test in found.tests} == {'start'}
    [reason] = [reason for _, reason in found.left_out if 'learning curve' in reason]
    assert reason.startswith('6 runs of single trainings: not in a learning curve yet')
    rmtree(study / 'start')
    with pytest.raises(MammoError, match=r'no finished test.*: not in a learning curve yet'):
        find_runs([study])


def test_cells_that_came_after_the_tables_are_told_apart(study):
    (study / 'learning_curve.json').write_text('{}')
    make_runs(study / 'unet_full/count_7/seed_0', models=('more',), datasets={'zgt': ('Z', 0.0)})
    found = find_runs([study])
    reasons = [reason for _, reason in found.left_out if 'single trainings' in reason]
    assert [reason.partition(': ')[2][:8] for reason in reasons] == ['their sc', 'not in a']
    assert [reason.split()[0] for reason in reasons] == ['4', '2']


def test_a_cell_that_is_named_is_shown(study):
    found = find_runs([study / CELLS[1]])
    assert len(found.tests) == 1
    assert not found.curves


def test_runs_beside_a_curve_are_not_touched(study, tmp_path):
    make_runs(tmp_path / 'other')
    folders = sorted(path.parent for path in (tmp_path / 'other').rglob('run.json'))
    assert hidden_runs(folders, find_curves([tmp_path]), [tmp_path]) == (set(), [])


def test_a_curve_alone_is_enough_and_nothing_is_not(tmp_path):
    make_curve(tmp_path / 'study')
    assert find_runs([tmp_path]).tests == ()
    (tmp_path / 'empty').mkdir()
    with pytest.raises(MammoError, match='no finished test'):
        find_runs([tmp_path / 'empty'])


def test_cells_of_test_folds_are_never_models_of_their_own(tmp_path):
    tables = make_curve(tmp_path / 'study')
    text = (tmp_path / 'study/learning_curve.csv').read_text()
    assert tables
    lines = [line.split(',') for line in text.splitlines()]
    for line in lines[2:]:
        line[3] = '1'
    (tmp_path / 'study/learning_curve.csv').write_text('\n'.join(map(','.join, lines)) + '\n')
    make_runs(tmp_path / 'study' / CELLS[2], models=('unet',), datasets={'zgt': ('Z', 0.0)})
    found = find_runs([tmp_path])
    assert found.tests == ()
    assert json.dumps([str(reason) for _, reason in found.left_out])
