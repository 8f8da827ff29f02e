import logging
from types import SimpleNamespace

import pytest
import torch
from experiments import CONFIGS
from mmengine.config import Config
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from mmseg_mammo.engine import CheckpointGuardHook
from mmseg_mammo.errors import CheckpointError


@pytest.fixture
def runner():
    model = nn.ModuleDict({'backbone': nn.Linear(3, 4), 'head': nn.Linear(4, 1), 'act': nn.ReLU()})
    model['backbone'].requires_grad_(False)
    return SimpleNamespace(_load_from='epoch_1.pth', model=model, logger=logging.getLogger('test'))


def load(runner, state):
    CheckpointGuardHook().after_load_checkpoint(runner, {'state_dict': state})


def test_the_models_own_checkpoint_passes_also_with_ddp_names(runner):
    state = runner.model.state_dict()
    load(runner, state)
    load(runner, {f'module.{name}': value for name, value in state.items()})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda state: state.pop('head.bias'), r'of the model are not in it, such as head\.bias'),
        (lambda state: state.update(prompts=torch.zeros(1)), r'not in the model, such as prompts'),
        (
            lambda state: state.update({'head.bias': torch.zeros(2)}),
            r'have another shape, such as head\.bias',
        ),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(runner, change, message):
    state = dict(runner.model.state_dict())
    change(state)
    with pytest.raises(
        CheckpointError,
        match=f'epoch_1.pth is of another model than the config: 1 tensors.*{message}',
    ):
        load(runner, state)


def test_a_training_that_began_with_the_former_clahe_does_not_claim_this_one(runner, tmp_path):
    """Its checkpoint is told apart also after it was resumed; one that began with this is not."""
    cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
    runner.cfg = Config({**cfg.to_dict(), 'resume': True})
    runner.__dict__.update(_resume=True, work_dir=tmp_path, train_loop=None, val_loop=None)
    for meta, noted in (({}, False), ({'clahe_levels': 256}, True)):
        hook = CheckpointGuardHook()
        saved = {'meta': {'cfg': cfg.pretty_text, **meta}, 'state_dict': runner.model.state_dict()}
        hook.after_load_checkpoint(runner, saved)
        after = {'meta': {}}
        hook.before_save_checkpoint(runner, after)
        assert ('clahe_levels' in after['meta']) == noted


def test_a_config_that_is_no_data_is_not_compared_but_by_resume(runner, caplog, tmp_path):
    """Whoever loads such a checkpoint has given another config."""
    runner.cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
    saved = {'meta': {'cfg': 'a = call()'}, 'state_dict': runner.model.state_dict()}
    CheckpointGuardHook().after_load_checkpoint(runner, saved)
    assert 'not plain data: not compared' in caplog.text
    runner.__dict__.update(_resume=True, work_dir=tmp_path)
    with pytest.raises(CheckpointError, match='not plain data'):
        CheckpointGuardHook().after_load_checkpoint(runner, saved)


class Starting(IterBasedTrainLoop):
    """A loop that is there, so that a runner trains."""

    def __init__(self):
        pass


def test_a_training_with_a_presence_head_may_start_from_a_checkpoint_without(runner, caplog):
    caplog.set_level(logging.INFO)
    state = dict(runner.model.state_dict())
    runner.model['presence'] = nn.Linear(4, 1)
    runner.model.presence_parts = ('presence.',)
    with pytest.raises(CheckpointError, match=r'such as presence\.bias'):
        load(runner, dict(state))  # a test would gate by random weights
    runner._train_loop = Starting()
    checkpoint = {'state_dict': {f'module.{name}': value for name, value in state.items()}}
    CheckpointGuardHook().after_load_checkpoint(runner, checkpoint)
    assert checkpoint['state_dict']['presence.bias'] is not None
    assert '2 tensors of presence are not in it, and start at random' in caplog.text
    half = {**state, 'presence.bias': torch.zeros(1)}
    with pytest.raises(CheckpointError, match=r'such as presence\.weight'):
        load(runner, half)
    del state['head.bias']
    with pytest.raises(CheckpointError, match=r'such as head\.bias'):
        load(runner, state)
