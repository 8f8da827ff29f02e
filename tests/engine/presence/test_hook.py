"""The hook: what it chooses, when it forgets, and what it leaves alone."""

import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub
from torch import nn

from mmseg_mammo.engine import PresenceThresholdHook
from mmseg_mammo.engine.presence.hook import arrays_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.io.checkpoint_record import PRESENCE


def records(count=60, better=2.0, normal=0.5):
    found, generator = [], np.random.default_rng(2)
    for number in range(count):
        lesion = number >= normal * count
        logit = float(generator.normal() + better * lesion)
        found.append(
            {
                'source': 'ours',
                'patient_id': f'P{number}',
                'annotated': 'lesion' if lesion else 'normal',
                'truth_pixels': math.nan if lesion and number % 3 == 0 else 9 * lesion,
                'presence': 1 / (1 + math.exp(-logit)),
                'presence_logit': logit,
                'closed': 0,
            }
        )
    return found


@pytest.fixture
def runner():
    model = nn.Module()
    model.has_presence = True
    cfg = dict(
        type='InputGridEncoderDecoder',
        presence_head=dict(in_channels=(8,)),
        test_output=dict(threshold=0.4),
    )
    return SimpleNamespace(
        model=model,
        cfg=Config(dict(model=cfg)),
        epoch=3,
        val_loop=SimpleNamespace(),
        message_hub=MessageHub('presence'),
        logger=logging.getLogger('test'),
        val_evaluator=SimpleNamespace(metrics=[SimpleNamespace(), SimpleNamespace(records=[])]),
    )


def validate(hook, runner, found):
    runner.val_evaluator.metrics[1].records = found
    hook.after_val_epoch(runner, {})


def test_it_chooses_and_forgets_once_the_weights_are_others(runner, caplog):
    hook, found = PresenceThresholdHook(target='sensitivity=0.9'), records()
    hook.before_train(runner)
    with caplog.at_level(logging.INFO):
        validate(hook, runner, found)
    gate = find_gate(*arrays_of(found), ('sensitivity', 0.9))
    assert runner.cfg.model.test_output == {'threshold': 0.4, **gate.as_settings()}
    facts = runner.message_hub.runtime_info[PRESENCE]
    assert facts['presence_threshold'] == gate.choice.threshold
    assert (facts['epoch'], facts['lesion'], facts['normal']) == (3, 30, 30)
    assert 'with a lesion; AUROC 0.' in caplog.text
    hook.before_train_iter(runner, 0)
    assert runner.cfg.model.test_output == {'threshold': 0.4}
    assert not runner.message_hub.runtime_info[PRESENCE]
    assert PRESENCE not in runner.message_hub.state_dict()['runtime_info']
    validate(hook, runner, found)
    assert runner.cfg.model.test_output.presence_threshold == gate.choice.threshold


def test_a_config_without_test_output_has_none_again(runner):
    del runner.cfg.model['test_output']
    hook = PresenceThresholdHook()
    hook.before_train(runner)
    validate(hook, runner, records())
    assert 0 < runner.cfg.model.test_output.presence_threshold < 1
    hook.before_train_iter(runner, 0)
    assert 'test_output' not in runner.cfg.model


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        (records(20), '10 images with a lesion. Allowed: 19 or more'),
        (records(60, normal=0), ' 0 normal ones. Allowed: images of both kinds'),
        (records(60, better=-3.0), 'no higher where there is one'),
    ],
)
def test_where_nothing_can_be_chosen_it_says_so_once(found, message, runner, caplog):
    hook = PresenceThresholdHook()
    hook.before_train(runner)
    for _ in range(2):
        validate(hook, runner, found)
        hook.before_train_iter(runner, 0)
    assert runner.cfg.model.test_output == {'threshold': 0.4}
    assert [message in line for line in caplog.messages] == [True]


def test_a_validation_outside_of_a_training_and_records_of_others_change_nothing(runner):
    hook = PresenceThresholdHook()
    validate(hook, runner, records())
    hook.before_train(runner)
    validate(hook, runner, [{'truth_pixels': 3}])
    hook.after_train(runner)
    validate(hook, runner, records())
    assert runner.cfg.model.test_output == {'threshold': 0.4}


def test_a_model_without_presence_and_a_target_that_is_none_are_refused(runner):
    runner.model = nn.Linear(1, 1)
    with pytest.raises(MammoError, match='PresenceThresholdHook with Linear without presence'):
        PresenceThresholdHook().before_train(runner)
    with pytest.raises(MammoError, match="target 'recall=1'"):
        PresenceThresholdHook(target='recall=1')


def test_cuts_are_of_the_patient_of_their_image():
    found = records(3)
    for record, source in zip(found, ('A', 'A, lesion-free sides', 'B'), strict=True):
        record.update(source=source, patient_id='P1')
    assert arrays_of(found)[2].tolist() == ['A/P1', 'A/P1', 'B/P1']


def test_the_target_may_be_about_some_sources(runner):
    found = records(count=90)
    for number, record in enumerate(found):
        record['source'] = 'whole' if number >= 60 else 'cuts'
    hook = PresenceThresholdHook(target='sensitivity=0.9', sources=['whole'])
    hook.before_train(runner)
    validate(hook, runner, found)
    about = np.array([record['source'] == 'whole' for record in found])
    settings = runner.cfg.model.test_output
    gate = find_gate(*arrays_of(found), ('sensitivity', 0.9), about=about)
    assert settings.presence_threshold == gate.choice.threshold
    assert runner.message_hub.runtime_info[PRESENCE]['target'] == 'sensitivity=0.9 of whole'
    opened = np.array([r['presence_logit'] for r in found]) * gate.scale + gate.bias
    assert 0.9 <= (1 / (1 + np.exp(-opened[about])) > gate.choice.threshold).mean() < 0.97
    assert (
        gate.choice.threshold != find_gate(*arrays_of(found), ('sensitivity', 0.9)).choice.threshold
    )


def test_a_source_that_no_validation_image_has_is_said(runner, caplog):
    hook = PresenceThresholdHook(sources=['whole', 'theirs'])
    hook.before_train(runner)
    found = records()
    for number, record in enumerate(found):
        record['source'] = 'whole' if number else 'whole, lesion-free sides'
    validate(hook, runner, found)
    assert "no validation image is from 'theirs'" in caplog.text
    assert "Allowed: 'whole', 'whole, lesion-free sides'" in caplog.text
    assert 'presence_threshold' not in runner.cfg.model.test_output


def test_a_training_without_validation_is_told(runner, caplog):
    PresenceThresholdHook().before_train(runner)
    assert not caplog.text
    runner.val_loop = None
    PresenceThresholdHook().before_train(runner)
    assert 'there is no validation' in caplog.text
