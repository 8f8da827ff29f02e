"""tools/search.py: several calls share one study, and the test split is never looked at."""

import csv
import re
import runpy
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from experiments import shrink
from mmengine.config import Config

from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.loops import LossValLoop
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.search import PruningHook, open_study, search
from mmseg_mammo.studies.space import Space

TOOL = Path(__file__).parents[2] / 'tools' / 'search.py'
SPACE = Space(1e-4, 1e-2, (1, 2), (1, 2))


@pytest.fixture
def config(prepared, tmp_path):
    """A small SETR-VPT on data whose test images cannot be read."""
    data = tmp_path / 'data'
    shutil.copytree(prepared, data)
    for number in (6, 7):
        (data / 'images' / f'{number}.png').write_bytes(b'')
    cfg = shrink('setr_pup_vpt_cbis', data, tmp_path / 'w', epochs=2)
    cfg.dump(tmp_path / 'small.py')
    return tmp_path / 'small.py'


def call(monkeypatch, config, trials, *more):
    arguments = ['--trials', trials, '--lr', 1e-4, 1e-2, '--batch-size', 1, 2]
    arguments += ['--prompt-length', 1, 2, '--work-dir', config.parent / 'w', *more]
    monkeypatch.setattr(sys, 'argv', [str(TOOL), str(config), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name='__main__')


@pytest.mark.slow
def test_a_study_goes_on_where_it_was_and_ends_at_its_number(config, monkeypatch, capsys):
    work = config.parent / 'w'
    for trials in (1, 2, 2):
        call(monkeypatch, config, trials)
        rows = list(csv.DictReader((work / 'search.csv').open()))
        assert [int(row['number']) for row in rows] == list(range(trials))
    assert {row['state'] for row in rows} == {'COMPLETE'}
    assert all(1e-4 <= float(row['lr']) <= 1e-2 for row in rows)
    assert all(row['batch_size'] in '12' and row['prompt_length'] in '12' for row in rows)
    best = max(rows, key=lambda row: float(row['lesion_dice']))
    said = capsys.readouterr().out
    assert f'optim_wrapper.optimizer.lr={best["lr"]}' in said
    assert cv2.imread(str(work / 'search.png')).std() > 0
    used = Config.fromfile(next((work / 'search' / 'trial_0001').glob('*/vis_data/config.py')))
    assert used.optim_wrapper.optimizer.lr == float(rows[1]['lr'])
    assert 'test_dataloader' not in used
    assert not list(work.rglob('*.pth'))


@pytest.mark.slow
def test_two_studies_share_a_work_folder_and_no_trial(config, monkeypatch):
    work = config.parent / 'w'
    for name in ('a', 'b'):
        call(monkeypatch, config, 1, '--epochs', 1, '--study', config.parent / f'{name}.log')
    records = sorted(path.relative_to(work).parts for path in work.rglob('run.json'))
    assert [record[:2] for record in records] == [('a', 'trial_0000'), ('b', 'trial_0000')]
    scalars = work.rglob('scalars.json')
    assert sorted(path.relative_to(work).parts[0] for path in scalars) == ['a', 'b']


def test_a_new_study_does_not_write_among_the_trials_of_another(config, tmp_path):
    cfg = Config.fromfile(config)
    open_study(tmp_path / 's.log', cfg, SPACE)
    (Path(cfg.work_dir) / 's' / 'trial_0000').mkdir(parents=True)
    open_study(tmp_path / 's.log', cfg, SPACE)
    with pytest.raises(MammoError, match='holds the trials of another study'):
        open_study(tmp_path / 'elsewhere' / 's.log', cfg, SPACE)
    assert not (tmp_path / 'elsewhere').exists()


def test_another_config_or_space_is_refused(config, tmp_path):
    cfg = Config.fromfile(config)
    open_study(tmp_path / 's.log', cfg, SPACE)
    open_study(tmp_path / 's.log', cfg, SPACE)
    with pytest.raises(MammoError, match='another space'):
        open_study(tmp_path / 's.log', cfg, Space(1e-4, 1e-2, (4,)))
    cfg.train_cfg.max_epochs = 99
    with pytest.raises(MammoError, match='another config'):
        open_study(tmp_path / 's.log', cfg, SPACE)


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(config, monkeypatch):
    def broken(runner, *parts, **more):
        raise MammoError('the training has diverged')

    monkeypatch.setattr('mmseg_mammo.engine.loops.LossValLoop.run', broken)
    call(monkeypatch, config, 2)
    rows = list(csv.DictReader((config.parent / 'w' / 'search.csv').open()))
    assert [row['state'] for row in rows] == ['FAIL', 'FAIL']


def test_trials_share_a_cache(config, monkeypatch, tmp_path):
    seen = []

    def refuse(cfg, rank, cache):
        seen.append(cache)
        raise MammoError('no training here')

    monkeypatch.setattr('mmseg_mammo.studies.search.build_runner', refuse)
    cfg = Config.fromfile(config)
    search(open_study(tmp_path / 's.log', cfg, SPACE), cfg, SPACE, 2, CacheChoice('here'))
    assert seen == [CacheChoice('here')] * 2


def play(study, *scores):
    """A trial of ``study`` whose validations give ``scores``: its state, and what it reported."""

    def run(trial):
        hook = PruningHook(trial)
        for epoch, score in enumerate(scores, 1):
            hook.after_val_epoch(SimpleNamespace(epoch=epoch), {'lesion_dice': score})
        return hook.best

    study.optimize(run, n_trials=1)
    return study.trials[-1].state.name, study.trials[-1].intermediate_values


def test_pruning_waits_for_five_trials_and_three_validations(config, tmp_path):
    study = open_study(tmp_path / 's.log', Config.fromfile(config), SPACE)
    for _ in range(4):
        assert play(study, 50, 50, 50, 50)[0] == 'COMPLETE'
    assert play(study, 10, 10, 10, 10)[0] == 'COMPLETE'  # the fifth: too few to compare with
    assert play(study, 10, 20, 30, 40) == ('PRUNED', {1: 10, 2: 20, 3: 30})


def test_a_trial_is_judged_by_its_best_validation_so_far(config, tmp_path):
    study = open_study(tmp_path / 's.log', Config.fromfile(config), SPACE)
    for score in (30, 40, 50, 60, 70):
        play(study, score, score, score, score)
    best = {1: 51, 2: 51, 3: 51, 4: 51}
    assert play(study, 51, 0, 0, 0) == ('COMPLETE', best)  # better than the median, 50
    assert study.trials[-1].value == 51
    assert play(study, 0, 0, 49, 90)[0] == 'PRUNED'


def test_a_hopeless_training_is_ended_by_the_journal_of_earlier_ones(config, monkeypatch):
    work = config.parent / 'w'
    cfg = Config.fromfile(config)
    cfg.train_cfg.max_epochs = 4
    study = open_study(work / 'search.log', cfg, SPACE)
    for _ in range(5):
        trial = study.ask()
        SPACE.suggest(trial)
        for epoch in (1, 2, 3, 4):
            trial.report(100, epoch)
        study.tell(trial, 100)
    call(monkeypatch, config, 6, '--epochs', 4)
    rows = list(csv.DictReader((work / 'search.csv').open()))
    assert [(row['state'], row['epochs']) for row in rows[4:]] == [
        ('COMPLETE', '4'),
        ('PRUNED', '3'),
    ]


def test_ctrl_c_ends_the_training_within_a_step(config, monkeypatch, capsys):
    validate = LossValLoop.run

    def run(loop):
        metrics = validate(loop)
        signal.raise_signal(signal.SIGINT)
        return metrics

    monkeypatch.setattr(LossValLoop, 'run', run)
    with pytest.raises(SystemExit, match=r'^Stopped\. The same command goes on'):
        call(monkeypatch, config, 2)
    rows = list(csv.DictReader((config.parent / 'w' / 'search.csv').open()))
    assert [(row['state'], row['epochs']) for row in rows] == [('FAIL', '1')]
    assert 'search.csv' in capsys.readouterr().out


@pytest.mark.parametrize('error', [None, MammoError('diverged'), RuntimeError('a worker died')])
def test_no_trial_follows_a_ctrl_c(error, config, monkeypatch, tmp_path):
    def end(*parts):
        signal.raise_signal(signal.SIGINT)
        if error:
            raise error
        return 1.0

    monkeypatch.setattr('mmseg_mammo.studies.search.run_trial', end)
    cfg = Config.fromfile(config)
    study = open_study(tmp_path / 's.log', cfg, SPACE)
    with pytest.raises(KeyboardInterrupt):
        search(study, cfg, SPACE, 3)
    assert [trial.state.name for trial in study.trials] == ['FAIL' if error else 'COMPLETE']


def test_a_config_without_validation_is_refused(config, monkeypatch):
    with pytest.raises(SystemExit, match='no training with a validation split'):
        call(monkeypatch, config, 1, '--cfg-options', 'val_dataloader=None')


def test_jobs_propose_different_values(config, tmp_path):
    cfg = Config.fromfile(config)
    rates = {
        SPACE.suggest(open_study(tmp_path / f'{seed}.log', cfg, SPACE).ask())[
            'optim_wrapper.optimizer.lr'
        ]
        for seed in range(3)
    }
    assert len(rates) == 3


def test_a_schedule_that_would_begin_after_the_end_is_refused_before_the_study_exists(
    prepared, monkeypatch, tmp_path
):
    cfg = shrink('setr_pup_vpt_strong_cbis', prepared, tmp_path / 'w')
    cfg.dump(tmp_path / 'small.py')
    said = r'^error: train_cfg\.max_epochs=2, but CosineAnnealingLR .* begins at 2\. Allowed: .*3'
    with pytest.raises(SystemExit, match=said):
        call(monkeypatch, tmp_path / 'small.py', 1, '--epochs', 2)
    assert not (tmp_path / 'w').exists()


def test_a_split_model_is_refused(config, monkeypatch):
    with pytest.raises(SystemExit, match='a trial is a single process'):
        call(monkeypatch, config, 1, '--cfg-options', 'strategy.type=MMFSDPStrategy')


@pytest.mark.parametrize(
    ('option', 'named'),
    [
        (['--lr', '1e-2', '1e-5'], '--lr 0.01 1e-05'),
        (['--batch-size', '0', '8'], '--batch-size 0'),
        (['--trials', '0'], '--trials 0'),
        (['--launcher', 'pytorch'], '--launcher pytorch'),
    ],
)
def test_an_argument_that_cannot_be_is_refused_before_the_study_exists(
    option, named, config, monkeypatch
):
    with pytest.raises(SystemExit, match=f'^error: {re.escape(named)}'):
        call(monkeypatch, config, 1, *option)
    assert not (config.parent / 'w' / 'search.log').exists()
