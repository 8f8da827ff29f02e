"""The number of parameters, printed."""

import logging
from types import SimpleNamespace

import pytest
from torch import nn

from mmseg_mammo.engine import ParameterCountHook


@pytest.fixture
def runner():
    model = nn.ModuleDict({'backbone': nn.Linear(3, 4), 'head': nn.Linear(4, 1), 'act': nn.ReLU()})
    model['backbone'].requires_grad_(False)
    return SimpleNamespace(_load_from='epoch_1.pth', model=model, logger=logging.getLogger('test'))


def test_total_and_trained_parameters_are_printed_for_the_model_and_its_parts(runner, caplog):
    with caplog.at_level(logging.INFO):
        ParameterCountHook().before_run(runner)
    assert [record.getMessage() for record in caplog.records] == [
        'Parameters: 21 total, 5 trained',
        'Parameters of backbone: 16 total, 0 trained',
        'Parameters of head: 5 total, 5 trained',
    ]
