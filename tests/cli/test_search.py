"""``search``: arguments that cannot be are refused before a study exists."""

import pytest
from experiments import shrink

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.config.loading import CacheChoice


@pytest.fixture
def config(prepared, tmp_path):
    shrink('setr_pup_vpt_cbis', prepared, tmp_path / 'w', epochs=2).dump(tmp_path / 'small.py')
    return tmp_path / 'small.py'


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--trials', '0'], '--trials 0. Allowed: a number from 1 on'),
        (['--epochs', '-1'], '--epochs -1. Allowed'),
        (['--launcher', 'pytorch'], '--launcher pytorch: each of its processes would run trials'),
        (['--epochs', '2', '--cfg-options', 'train_cfg=None'], '.* has no training with a valid'),
        (['--lr', '1', '0.1'], r'--lr 1\.0 0\.1. Allowed: two rates'),
        (['--prompt-length', '-1'], '--prompt-length -1. Allowed: numbers from 0 on'),
    ],
)
def test_what_cannot_be_searched_is_one_line(words, said, config, tmp_path):
    with pytest.raises(SystemExit, match=f'^error: {said}'):
        main(['search', str(config), *words])
    assert not (tmp_path / 'w').exists()


def test_the_command_line_becomes_a_study(config, tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr('mmseg_mammo.studies.search.search', lambda *given: seen.append(given))
    main(
        [
            'search',
            str(config),
            '--trials',
            '4',
            '--epochs',
            '5',
            '--batch-size',
            '2',
            '3',
            '--cache-limit',
            '5GB',
        ]
    )
    ((study, cfg, space, trials, cache),) = seen
    assert trials == 4
    assert cache == CacheChoice(limit='5GB')
    assert cfg.train_cfg.max_epochs == 5
    assert (space.low, space.high, space.batch_sizes) == (1e-5, 1e-2, (2, 3))
    assert space.prompt_lengths == (1, 10, 50, 100)
    assert study.study_name == 'search'
    assert f'Trials: {tmp_path}/w/search.csv; picture: ' in capsys.readouterr().out
    assert (tmp_path / 'w' / 'search.log').is_file()


def test_a_model_without_prompts_is_searched_without_them(prepared, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr('mmseg_mammo.studies.search.search', lambda *given: seen.append(given))
    shrink('unet_cbis', prepared, tmp_path / 'w').dump(tmp_path / 'small.py')
    main(['search', str(tmp_path / 'small.py')])
    assert seen[0][2].prompt_lengths == ()
