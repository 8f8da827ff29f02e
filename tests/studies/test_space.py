"""The space of a search: ranges that can be, and values by their path in the config."""

import optuna
import pytest
from experiments import CONFIGS
from mmengine.config import Config

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.space import Space, as_options, has_prompts


def test_values_come_from_the_space_by_their_path():
    trial = optuna.trial.FixedTrial({'lr': 1e-3, 'batch_size': 2, 'prompt_length': 10})
    assert Space(1e-4, 1e-2, (1, 2), (10, 50)).suggest(trial) == {
        'optim_wrapper.optimizer.lr': 1e-3,
        'train_dataloader.batch_size': 2,
        'model.backbone.prompt_length': 10,
    }
    assert set(Space(1e-4, 1e-2, (1, 2)).suggest(trial)) == {
        'optim_wrapper.optimizer.lr',
        'train_dataloader.batch_size',
    }


def test_rates_are_drawn_evenly_by_their_logarithm():
    trial = optuna.create_study().ask()
    Space(1e-4, 1e-2, (1,)).suggest(trial)
    rates = trial.distributions['lr']
    assert (rates.low, rates.high, rates.log) == (1e-4, 1e-2, True)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ((0, 1, (1,)), '--lr 0 1. Allowed: two rates'),
        ((2, 1, (1,)), '--lr 2 1'),
        ((1, 2, (4, 0)), '--batch-size 0. Allowed: numbers from 1 on'),
        ((1, 2, (4,), (0, -1)), '--prompt-length -1. Allowed: numbers from 0 on'),
    ],
)
def test_a_space_that_cannot_be_is_refused(arguments, said):
    with pytest.raises(MammoError, match=said):
        Space(*arguments)


def test_prompts_are_searched_where_the_backbone_has_some():
    assert has_prompts(Config.fromfile(CONFIGS / 'setr_pup_vpt_cbis.py'))
    for name in ('unet_cbis', 'sam_finetune_cbis'):
        assert not has_prompts(Config.fromfile(CONFIGS / f'{name}.py'))


def test_values_of_a_trial_are_words_of_the_command_line():
    assert as_options({'lr': 0.001, 'batch_size': 8, 'prompt_length': 10}) == [
        'optim_wrapper.optimizer.lr=0.001',
        'train_dataloader.batch_size=8',
        'model.backbone.prompt_length=10',
    ]
