"""The training of an object score: its settings, its losses by hand, and that it learns."""

import math

import pytest
import torch
import torch.nn.functional as F
from sam_models import SIDE, sample_of, square

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models import BestMaskLoss, RandomPointSampler
from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.sam.mask_decoder import Round
from mmseg_mammo.models.sam.object_score import (
    ObjectScore,
    picture_breast,
    read_object_score,
    round_losses,
    training_prompts,
)

LOSS = BestMaskLoss()
VALID = torch.ones(8, 8, dtype=torch.bool)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(share=1), 'object_score.share: no such setting.*background_share'),
        (dict(background_share=1.5), 'background_share=1.5'),
        (dict(background_in='lesion'), "background_in='lesion'.*breast, picture"),
        (dict(loss_weight=-1), 'loss_weight=-1'),
        (dict(gamma=-1), 'gamma=-1'),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(MammoError, match=message):
        read_object_score(settings)


def test_no_settings_are_no_object_score_and_empty_ones_the_defaults():
    assert read_object_score(None) is None
    assert read_object_score({}) == ObjectScore()


def round_of(objects, logit=(1.5, -0.5)):
    generator = torch.Generator().manual_seed(0)
    shape = (objects, 3, 8, 8)
    logits = torch.randn(shape, generator=generator).requires_grad_()
    iou = torch.rand(objects, 3, generator=generator).requires_grad_()
    prompts = Prompts(torch.zeros(objects, 1, 2), torch.ones(objects, 1, dtype=torch.int64))
    return Round(logits, iou, prompts, torch.tensor(logit[:objects]).requires_grad_())


def targets(*present):
    lesion = square((8, 8), 2, 2, 3)
    return torch.stack([lesion if there else torch.zeros_like(lesion) for there in present])


def test_an_empty_target_has_no_loss_but_that_of_the_object():
    found, objects = round_of(2), targets(True, False)
    losses = round_losses(found, objects, VALID, LOSS, ObjectScore(loss_weight=2.0))
    alone = LOSS(found.logits[:1], found.iou[:1], objects[:1], VALID)
    for name, expected in alone.items():
        torch.testing.assert_close(losses[name], expected)
    by_hand = (math.log(1 + math.exp(-1.5)) + math.log(1 + math.exp(-0.5))) / 2
    assert float(losses['loss_object']) == pytest.approx(2 * by_hand)
    sum(losses.values()).backward()
    assert found.logits.grad[0].abs().sum() > 0
    assert found.logits.grad[1].abs().sum() == found.iou.grad[1].abs().sum() == 0


def test_the_focal_loss_of_objects_is_that_of_the_paper():
    found, objects = round_of(2), targets(True, False)
    losses = round_losses(found, objects, VALID, LOSS, ObjectScore(gamma=2.0))
    right = torch.tensor([1.5, 0.5]).sigmoid()  # the probability of the true class
    expected = ((1 - right) ** 2 * -right.log()).mean()
    torch.testing.assert_close(losses['loss_object'].detach(), expected)


def test_an_image_without_a_lesion_has_zeros_under_all_names():
    found = round_of(1)
    losses = round_losses(found, targets(False), VALID, LOSS, ObjectScore())
    assert losses.keys() == {'loss_focal', 'loss_dice', 'loss_iou', 'loss_object'}
    expected = F.binary_cross_entropy_with_logits(found.object_logit, torch.zeros(1))
    assert losses.pop('loss_object') == expected
    assert all(value == 0 for value in losses.values())


def test_an_image_of_which_only_the_label_is_known_has_no_loss_and_a_graph():
    found = round_of(1)
    losses = round_losses(found, targets(False), ~VALID, LOSS, ObjectScore())
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()
    assert found.object_logit.grad == 0


def test_without_settings_the_loss_is_that_of_all_objects():
    found, objects = round_of(2), targets(True, False)
    expected = LOSS(found.logits, found.iou, objects, VALID)
    losses = round_losses(found._replace(object_logit=None), objects, VALID, LOSS, None)
    assert losses == expected


def phantom_breast():
    """64×64 grey levels, of which the left half is breast."""
    levels = torch.full((3, SIDE, SIDE), 2.0)
    levels[:, 8:56, :32] = 150
    return levels


def test_the_breast_is_found_as_it_lies_on_the_input_without_padding():
    sample = sample_of(padding_size=(0, 24, 0, 0), flip=True, flip_direction='horizontal')
    found = picture_breast(phantom_breast(), sample)
    assert found.shape == (SIDE, 40)
    assert found[30, 10]
    assert not found[30, 39]


@pytest.mark.parametrize('where', ['breast', 'picture'])
def test_the_background_is_asked_about_where_the_settings_say(where):
    sample, settings = sample_of(torch.zeros(SIDE, SIDE)), ObjectScore(background_in=where)
    drawn = []
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        given = sample, phantom_breast(), RandomPointSampler(), generator, settings
        drawn.append(training_prompts(*given).prompts.points[0, 0])
    assert bool(torch.stack(drawn)[:, 0].max() < 40) is (where == 'breast')


def test_without_settings_only_the_lesion_is_asked_about():
    sample = sample_of(square((SIDE, SIDE)))
    found = training_prompts(sample, phantom_breast(), RandomPointSampler(), None, None)
    assert len(found.objects) == 1
