"""tools/search.py: several calls share one study, and the test split is never looked at."""

import csv
import re
import runpy
import shutil
import sys
from pathlib import Path

import cv2
import optuna
import pytest
from experiments import shrink
from mmengine.config import Config

from mmseg_mammo.engine.search import Space, open_study
from mmseg_mammo.errors import MammoError

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


def test_a_study_goes_on_where_it_was_and_ends_at_its_number(config, monkeypatch, capsys):
    work = config.parent / 'w'
    for trials, expected in ((1, 1), (2, 2), (2, 2)):
        call(monkeypatch, config, trials)
        rows = list(csv.DictReader((work / 'search.csv').open()))
        assert [int(row['number']) for row in rows] == list(range(expected))
    assert {row['state'] for row in rows} == {'COMPLETE'}
    assert all(1e-4 <= float(row['lr']) <= 1e-2 for row in rows)
    assert all(row['batch_size'] in '12' and row['prompt_length'] in '12' for row in rows)
    best = max(rows, key=lambda row: float(row['lesion_dice']))
    said = capsys.readouterr().out
    assert f'optim_wrapper.optimizer.lr={best["lr"]}' in said
    assert cv2.imread(str(work / 'search.png')).std() > 0
    used = Config.fromfile(next((work / 'trial_0001').glob('*/vis_data/config.py')))
    assert used.optim_wrapper.optimizer.lr == float(rows[1]['lr'])
    assert 'test_dataloader' not in used


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


def test_a_hopeless_trial_is_pruned(config, monkeypatch):
    monkeypatch.setattr(optuna.Trial, 'should_prune', lambda trial: trial.number == 1)
    call(monkeypatch, config, 2)
    rows = list(csv.DictReader((config.parent / 'w' / 'search.csv').open()))
    assert [(row['state'], row['epochs']) for row in rows] == [('COMPLETE', '2'), ('PRUNED', '1')]


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


@pytest.mark.parametrize(
    ('option', 'named'),
    [
        (['--lr', '1e-2', '1e-5'], '--lr 0.01 1e-05'),
        (['--batch-size', '0', '8'], '--batch-size 0'),
        (['--trials', '0'], '--trials 0'),
    ],
)
def test_a_range_that_cannot_be_is_refused_before_the_study_exists(
    option, named, config, monkeypatch
):
    with pytest.raises(SystemExit, match=f'^error: {re.escape(named)}'):
        call(monkeypatch, config, 1, *option)
    assert not (config.parent / 'w' / 'search.log').exists()
