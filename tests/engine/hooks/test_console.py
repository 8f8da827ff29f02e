"""What goes to the console and what to the file alone."""

import warnings

import numpy as np
import pytest
import torch
from experiments import shrink
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner

from mmseg_mammo.engine.hooks.console import best_of, quieten, say
from mmseg_mammo.engine.runner import build


def test_the_console_has_warnings_and_what_is_said_to_it(tmp_path, capsys):
    logger = MMLogger(str(tmp_path), log_file=str(tmp_path / 'all.log'))
    assert quieten(logger) == quieten(logger)  # once is enough
    logger.info('a hook')
    say(logger, 'an epoch')
    logger.warning('a doubt')
    logger.error('a fault')
    logger.warning('"HardDiskBackend" is the alias of something')
    logger.warning(
        'builder.py:36: UserWarning: ``build_loss`` would be deprecated soon, please use '
        '``mmseg.registry.MODELS.build()`` '
    )
    logger.warning('backbone.norm.weight is skipped since its requires_grad=False')
    shown, whole = capsys.readouterr().out, (tmp_path / 'all.log').read_text()
    assert all(text in shown for text in ('an epoch', 'a doubt', 'a fault'))
    assert not any(
        text in shown for text in ('a hook', 'HardDiskBackend', 'build_loss', 'backbone.norm')
    )
    assert all(
        text in whole for text in ('a hook', 'an epoch', 'a doubt', 'HardDiskBackend', 'build_loss')
    )


def test_a_log_level_of_the_config_still_counts(tmp_path, capsys):
    logger = MMLogger(str(tmp_path), log_level='ERROR')
    quieten(logger)
    say(logger, 'an epoch')
    assert not capsys.readouterr().out


@pytest.fixture
def tested(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.default_hooks.console.everything = False
    return cfg


@pytest.mark.parametrize('make', [build, Runner.from_cfg], ids=['ours', "mmengine's"])
def test_a_test_shows_its_table_once(make, tested, capsys):
    runner = make(tested)
    before = capsys.readouterr().out
    runner.test()
    shown = capsys.readouterr().out
    assert shown.count('predict nothing') == 1
    assert 'Parameters: ' in shown
    assert 'lesion_dice:' not in shown  # mmengine's own line of the same scores
    assert runner.log_dir in shown
    assert ('Hooks will be executed' in before) == (make is not build)


def test_everything_is_shown_if_asked_for(tested, capsys):
    tested.default_hooks.console.everything = True
    build(tested).test()
    shown = capsys.readouterr().out
    assert 'Hooks will be executed' in shown
    assert 'lesion_dice:' in shown


def test_a_warning_of_python_goes_to_the_log(tested, tmp_path, capsys):
    runner = build(tested)
    warnings.warn('something of a library', stacklevel=1)
    assert 'something of a library' in capsys.readouterr().out
    (log,) = tmp_path.glob('*/*.log')
    assert 'something of a library' in log.read_text()
    assert runner.logger.log_file == str(log)


class Warns(torch.utils.data.Dataset):
    """Images of which each makes a library warn."""

    def __len__(self):
        return 8

    def __getitem__(self, place):
        warnings.warn('odd pixels', stacklevel=1)
        if place == 7:
            warnings.warn('an image with a fault of its own', stacklevel=1)
        return place


def test_a_warning_of_all_workers_is_on_the_console_once_and_none_is_lost(tested, tmp_path, capfd):
    build(tested)
    for _ in range(2):
        assert len(list(torch.utils.data.DataLoader(Warns(), num_workers=2))) == 8
    warnings.warn('odd pixels', stacklevel=1)  # also in this process, from another line
    shown = capfd.readouterr().out
    assert shown.count('odd pixels') == 1
    assert shown.count('an image with a fault of its own') == 1
    (log,) = tmp_path.glob('*/*.log')
    assert log.read_text().count('odd pixels') > 2


@pytest.mark.parametrize(('checkpoints', 'said'), [(True, 2), (False, 0)])
def test_a_training_says_where_its_checkpoints_are_unless_they_are_removed(
    checkpoints, said, prepared, tmp_path, capsys
):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    cfg.default_hooks.console.update(everything=False, checkpoints=checkpoints)
    build(cfg).train()
    shown = capsys.readouterr().out
    assert 'epoch 1 of 1' in shown
    assert shown.count('checkpoint: ') == said


def test_the_best_score_is_the_highest_number_or_the_lowest_of_an_error():
    hub = MessageHub('best')
    assert best_of(hub, 'dice') is None
    hub.update_scalar('val/dice', float('nan'))
    assert np.isnan(best_of(hub, 'dice'))
    for value in (3.0, 5.0, 4.0):
        hub.update_scalar('val/dice', value)
        hub.update_scalar('val/lesion_hausdorff95', value)
    assert best_of(hub, 'dice') == 5.0
    assert best_of(hub, 'lesion_hausdorff95') == 3.0
