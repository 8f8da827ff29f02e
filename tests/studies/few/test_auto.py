"""Auto: tunings by the same folds within a budget, and the best of them, or the start."""

import csv
import json
import time

import pytest
from fold_trainings import FEW_OPTIONS, train

from mmseg_mammo.engine.few.held_out import HeldOutHook
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.studies.few import cross_validation
from mmseg_mammo.studies.few.auto import tune_auto


def auto(start, data, work, minutes, *more):
    given = ('--from', start, '--data', data, '--folds', 3, '--work-dir', work)
    options = ('--cfg-options', *FEW_OPTIONS)
    train('few/auto', *given, '--minutes', minutes, *more, *options)


def killed_in(owner, name, die, *given):
    """Run auto until a function of ours ends it."""
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(owner, name, die)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            auto(*given)


def rows_of(work):
    return {row['tuning']: row for row in csv.DictReader((work / 'auto.csv').open())}


@pytest.mark.slow
def test_all_that_fit_are_tried_and_the_best_is_kept(start, prepared, tmp_path):
    """Begun with time for one alone, and gone on with more."""
    work = tmp_path / 'work'
    auto(start, prepared, work, 0.0001)
    auto(start, prepared, work, 60, '--resume')
    rows = rows_of(work)
    assert list(rows) == [
        *('start as it is', 'start', 'few/unet_full', 'few/unet_bias', 'few/unet_head', 'auto')
    ]
    [kept] = [name for name, row in rows.items() if row['chosen']]
    few = read_record(work / 'best.pth')['few']
    assert few['tuning'] == kept
    assert [row['tuning'] for row in few['tried']] == list(rows)[:-1]
    assert float(rows['auto']['gain']) == pytest.approx(few['gain']['value'], abs=1e-3)
    starts = [float(rows[name]['dice']) for name in ('start as it is', 'start')]
    assert (not kept.startswith('start')) == (float(rows['auto']['dice']) > max(starts))
    trained = [int(rows[name]['trained_parameters']) for name in list(rows)[2:-1]]
    assert max(trained) == trained[0]
    before = (work / 'best.pth').read_bytes()
    auto(start, prepared, work, 60, '--resume')
    assert (work / 'best.pth').read_bytes() == before
    assert rows_of(work) == rows


def test_the_first_is_finished_and_what_has_no_time_is_named(start, prepared, tmp_path):
    work = tmp_path / 'work'
    auto(start, prepared, work, 0.0001)
    rows = rows_of(work)
    assert rows['few/unet_full']['lesion_dice'] != ''
    for name in ('start as it is', 'start', 'few/unet_full'):
        assert float(rows[name]['false_marks_lesion']) >= 0
        assert float(rows[name]['false_marks_normal']) >= 0
    assert rows['few/unet_head']['note'] == 'left out: no time left'
    spent = json.loads((work / 'auto.json').read_text())['spent']
    assert list(spent) == ['few/unet_full', 'final']
    assert (work / 'best.pth').is_file()


def test_minutes_that_were_spent_count_on(start, prepared, tmp_path, capfd):
    """Killed in the second fold of the first tuning, whose seconds use the budget up."""
    work = tmp_path / 'work'

    def die(hook, runner, *parts, **more):
        if 'unet_full/held_out/fold_2' in str(hook.folder):
            time.sleep(0.3)
            raise KeyboardInterrupt

    killed_in(HeldOutHook, 'before_train_iter', die, start, prepared, work, 0.004)
    before = json.loads((work / 'auto.json').read_text())['spent']['few/unet_full']
    assert before > 0.3
    auto(start, prepared, work, 0.004, '--resume')
    assert float(rows_of(work)['few/unet_full']['seconds']) > before
    assert rows_of(work)['few/unet_bias']['note'] == 'left out: no time left'
    with pytest.raises(SystemExit, match=r'--minutes 0\.003: .* was begun with 0\.004'):
        auto(start, prepared, work, 0.003, '--resume')
    assert 'minutes were spent before' in capfd.readouterr().out


def test_the_look_at_the_start_counts(start, prepared, tmp_path):
    work = tmp_path / 'work'

    def die(*_):
        time.sleep(0.3)
        raise KeyboardInterrupt

    killed_in(cross_validation, 'write_held_out', die, start, prepared, work, 1)
    assert json.loads((work / 'auto.json').read_text())['spent']['few/unet_full'] > 0.3


def test_what_cannot_be_is_refused(tmp_path):
    given = dict(start='x.pth', data_root=tmp_path, work_dir=tmp_path / 'w', train=None)
    with pytest.raises(MammoError, match='no tuning fits it'):
        tune_auto({}, minutes=1, **given)
    with pytest.raises(MammoError, match='--minutes 0'):
        tune_auto({'a': None}, minutes=0, **given)
