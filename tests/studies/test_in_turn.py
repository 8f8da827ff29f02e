"""In turn: what runs in a process of many has a folder, a seed and loggers of its own."""

import json
import logging
from pathlib import Path

from experiments import shrink
from learning_curves import tiny_few
from mmengine.logging import MMLogger

from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.steps.trainings import best_of
from mmseg_mammo.studies.in_turn import name_apart, test_in_turn, train_in_turn

test_in_turn.__test__ = False


def test_seeds_and_loggers_are_of_the_cell(tmp_path):
    cfg = tiny_few('unet_full')
    name_apart(cfg, tmp_path / 'a', 7)
    assert cfg.randomness.seed == 7
    assert cfg.randomness.deterministic is False
    assert cfg.work_dir == str(tmp_path / 'a')
    assert cfg.visualizer.name == str(tmp_path / 'a')
    assert cfg.experiment_name == str((tmp_path / 'a').resolve())


def test_a_training_and_its_test_leave_the_process_as_it_was(prepared, tmp_path):
    """No log file stays open, and the test is of the weights that were trained."""
    loggers = set(MMLogger._instance_dict)
    cfg = shrink('strong/unet_strong_cbis', prepared, tmp_path / 'training', epochs=1)
    cfg.param_scheduler = []
    name_apart(cfg, tmp_path / 'training', 3)
    train_in_turn(cfg, False)
    checkpoint = best_of(cfg)
    run = test_in_turn(read_stored_config(checkpoint), checkpoint, tmp_path / 'test')
    assert run.parent == tmp_path / 'test'
    assert Path(json.loads((run / 'test.json').read_text())['checkpoint']).name == checkpoint.name
    opened = [MMLogger._instance_dict[name] for name in set(MMLogger._instance_dict) - loggers]
    assert opened
    assert not [h for each in opened for h in each.handlers if isinstance(h, logging.FileHandler)]
