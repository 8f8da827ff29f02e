"""Features are kept for equal inputs only."""

import pytest
import torch
from torch import nn

from mmseg_mammo.engine.validation.shared_features import encode_once


class Model(nn.Module):
    """Counts what it encodes."""

    def __init__(self, form):
        super().__init__()
        self.form, self.encoded = form, []

    def extract_feat(self, inputs):
        self.encoded.append(len(inputs))
        return self.form(inputs)


FORMS = {
    'tensor': lambda x: x + 1,
    'levels': lambda x: (x + 1, x[:, :1] + 2),
    'nested': lambda x: [(x + 1, x[:, 0] + 2)],
}


def flat(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for part in value for tensor in flat(part)]


@pytest.mark.parametrize('form', FORMS.values(), ids=FORMS)
def test_the_same_images_and_the_first_of_them_are_encoded_once(form):
    model, inputs = Model(form), torch.randn(3, 2, 4, 4)
    with encode_once(model):
        for count in (3, 3, 2, 1):
            found = model.extract_feat(inputs[:count].clone())
            wanted = form(inputs[:count])
            assert type(found) is type(wanted)
            assert all(map(torch.equal, flat(found), flat(wanted)))
    assert model.encoded == [3]
    model.extract_feat(inputs)
    assert model.encoded == [3, 3]  # the model is itself again


@pytest.mark.parametrize(
    'other',
    [lambda x: x + 1e-6, lambda x: x[1:], lambda x: x[..., :2], lambda x: torch.cat([x, x])],
    ids=['values', 'later images', 'crop', 'more'],
)
def test_other_inputs_are_encoded(other):
    model, inputs = Model(FORMS['levels']), torch.randn(3, 2, 4, 4)
    with encode_once(model):
        model.extract_feat(inputs)
        found = model.extract_feat(other(inputs))
    assert torch.equal(found[0], other(inputs) + 1)
    assert len(model.encoded) == 2


def test_features_that_were_changed_in_place_are_made_anew():
    model, inputs = Model(FORMS['levels']), torch.randn(2, 2, 4, 4)
    with encode_once(model):
        model.extract_feat(inputs)[1].mul_(2)
        assert torch.equal(model.extract_feat(inputs)[1], inputs[:, :1] + 2)
    assert len(model.encoded) == 2


def test_inputs_that_were_changed_in_place_are_encoded_anew():
    model, inputs = Model(FORMS['tensor']), torch.randn(2, 2, 4, 4)
    with encode_once(model):
        model.extract_feat(inputs)
        inputs.mul_(2)
        assert torch.equal(model.extract_feat(inputs), inputs + 1)


def test_features_of_an_unknown_kind_are_not_shared():
    model = Model(lambda x: {'a': x})
    with encode_once(model):
        for _ in range(2):
            model.extract_feat(torch.ones(1, 1, 2, 2))
    assert len(model.encoded) == 2


def test_a_model_without_features_is_left_alone_and_an_error_leaves_nothing_behind():
    with encode_once(nn.Identity()):
        pass
    model = Model(FORMS['tensor'])
    with pytest.raises(ZeroDivisionError), encode_once(model):
        raise ZeroDivisionError
    assert 'extract_feat' not in vars(model)
