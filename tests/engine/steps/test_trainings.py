"""Trainings of a journal: once each, and never otherwise than they were begun."""

import json

import pytest
from experiments import shrink, train

from mmseg_mammo.engine.steps.journal import Journal
from mmseg_mammo.engine.steps.trainings import best_of, in_one_process, last_of, train_once
from mmseg_mammo.errors import MammoError


@pytest.fixture
def journal(tmp_path):
    found = Journal(tmp_path, 'steps.json')
    found.begin(resume=False)
    return found


def test_a_training_is_done_once_and_its_checkpoint_is_noted(prepared, tmp_path, journal):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'one', epochs=1)
    cfg.param_scheduler = []
    calls = []

    def run(own, resume):
        calls.append(resume)
        train(own)

    train_once('one', cfg, True, run, journal, last_of)
    assert journal.facts('one')['checkpoint'] == 'epoch_1.pth'
    assert best_of(cfg).name == 'best.pth'
    train_once('one', cfg, True, run, journal, last_of)
    assert calls == [False]
    cfg.optim_wrapper.optimizer.lr = 0.5
    with pytest.raises(MammoError, match=r'one was trained otherwise: .*lr is 0\.5'):
        train_once('one', cfg, True, run, journal, last_of)


def test_a_step_of_one_process_is_done_once(journal, tmp_path):
    done = []
    for _ in range(2):
        in_one_process('look', journal, lambda: done.append(1) or {'count': len(done)})
    assert json.loads((tmp_path / 'steps.json').read_text()) == {'look': {'count': 1}}
