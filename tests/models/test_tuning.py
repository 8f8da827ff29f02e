import pytest
from torch import nn

from mmseg_mammo.models.tuning import count_parameters, train_only


def test_only_the_named_parameters_are_trained():
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    train_only(module, {'1.bias'})
    assert {n for n, p in module.named_parameters() if p.requires_grad} == {'1.bias'}
    assert count_parameters(module) == (2 * 3 + 3 + 3 * 4 + 4, 4)


def test_a_name_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match=r'Linear has no parameter prompt'):
        train_only(nn.Linear(2, 3), {'prompt'})
