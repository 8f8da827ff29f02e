"""The training of an object score: its settings, its losses by hand, and that it learns."""

import math

import pytest
import torch
import torch.nn.functional as F
from experiments import TINY_SAM
from mmseg.registry import MODELS
from sam_models import SIDE, our_config, sample_of, square

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
from mmseg_mammo.models.test_output import TestOutput

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


def quadrants(generator, lesions=2):
    """64×64 noise with bright discs in some quadrants, their mask, and the four centres.

    Those of the discs come first.
    """
    rows, columns = torch.arange(SIDE)[:, None].float(), torch.arange(SIDE).float()
    levels = 90 + 12 * torch.randn(SIDE, SIDE, generator=generator)
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    centres = []
    for number, place in enumerate(torch.randperm(4, generator=generator).tolist()):
        y, x, size = torch.rand(3, generator=generator).tolist()
        y, x = 16 + 32 * (place // 2) + 12 * (y - 0.5), 16 + 32 * (place % 2) + 12 * (x - 0.5)
        centres.append([x, y])
        if number < lesions:
            mask |= (rows - y) ** 2 + (columns - x) ** 2 <= (5.6 + 4 * size) ** 2
    return (levels + 110 * mask).clamp(0, 255).expand(3, -1, -1), mask, centres


def trained_on_quadrants(steps):
    """A small SAM, trained from random weights on images of two lesions."""
    torch.manual_seed(0)
    encoder = dict(type='SAMImageEncoder', arch={**TINY_SAM, 'out_chans': 128}, img_size=SIDE)
    model = MODELS.build(
        our_config(
            image_encoder=encoder,
            train_prompts=dict(type='RandomPointSampler', per_component=True),
            object_score=dict(background_share=1.0, background_in='picture'),
        )
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        drawn = [quadrants(generator) for _ in range(4)]
        samples = [sample_of(mask, (SIDE, SIDE)) for _, mask, _ in drawn]
        images = [image for image, _, _ in drawn]
        data = model.data_preprocessor({'inputs': images, 'data_samples': samples})
        optimizer.zero_grad()
        sum(model.loss(data['inputs'], samples).values()).backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def clicked_on(model, generator, number):
    """Predictions of 20 images, each clicked in one quadrant; 0 has a lesion, 3 has none."""
    model.prompts_from, found = 'given', []
    for _ in range(20):
        image, mask, centres = quadrants(generator)
        prompts = dict(points=[[centres[number]]], labels=[[1]], boxes=None)
        sample = sample_of(mask, (SIDE, SIDE), prompts=prompts)
        found += model.test_step({'inputs': [image], 'data_samples': [sample]})
    return found


@pytest.mark.slow
def test_a_wrong_prompt_ends_empty_and_a_true_one_does_not():
    """A click in another quadrant than that of a lesion; the threshold is chosen on other images."""
    model = trained_on_quadrants(320)
    chosen_on = [
        [one.presence for one in clicked_on(model, torch.Generator().manual_seed(5), number)]
        for number in (0, 3)
    ]
    threshold = float(torch.tensor(chosen_on).mean())
    model.test_output = TestOutput(presence_threshold=threshold)
    right, wrong = (
        clicked_on(model, torch.Generator().manual_seed(6), number) for number in (0, 3)
    )
    assert sum(not one.pred_sem_seg.data.any() for one in wrong) >= 18
    assert sum(bool(one.pred_sem_seg.data.any()) for one in right) >= 18
    assert all((one.seg_logits.data[1] > 0).any() for one in wrong)  # closed, and not unseen
    x, y = (int(value) for value in right[0].prompt_points[0][:2])
    assert right[0].pred_sem_seg.data[0, y, x]
