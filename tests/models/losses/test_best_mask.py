"""The loss of candidates, against hand computations and definitions written out in NumPy."""

import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models import BestMaskLoss
from mmseg_mammo.models.losses.best_mask import actual_iou, candidate_mask_losses

SURE = 100.0  # a logit whose sigmoid is 1 in float32
VARIANTS = [(select, target) for select in ('mask+iou', 'mask') for target in ('best', 'all')]


def certain(*masks):
    """Logits of candidates of one object: 1×K×h×w."""
    return (torch.tensor(masks).float() * 2 - 1)[None] * SURE


def random_case(objects=3, candidates=3, side=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(objects, candidates, side, side, generator=generator)
    iou = torch.rand(objects, candidates, generator=generator)
    truth = torch.rand(objects, side, side, generator=generator) > 0.6
    return logits, iou, truth


def reference(logits, iou, truth, select, target):
    """Focal, Dice and IoU loss, one candidate after the other, in float64.

    Focal loss as the thesis writes it out (III-B), Dice and IoU as SAM 2 defines them.
    """
    sums = np.zeros(3)
    for object_logits, object_iou, y in zip(
        logits.numpy(), iou.numpy(), truth.numpy(), strict=True
    ):
        rows = []
        for z, predicted in zip(object_logits.astype(float), object_iou, strict=True):
            x = 1 / (1 + np.exp(-z))
            focal = -(0.25 * (1 - x) ** 2 * y * np.log(x) + 0.75 * x**2 * (1 - y) * np.log(1 - x))
            dice = 1 - (2 * (x * y).sum() + 1) / (x.sum() + y.sum() + 1)
            iou_now = np.sum((z > 0) & y) / np.sum((z > 0) | y)
            rows.append((20 * focal.mean(), dice, (predicted - iou_now) ** 2))
        rows = np.array(rows)
        best = (rows if select == 'mask+iou' else rows[:, :2]).sum(1).argmin()
        sums += (*rows[best, :2], rows[best, 2] if target == 'best' else rows[:, 2].mean())
    return sums / len(truth)


def values(losses):
    return [losses[key].item() for key in ('loss_focal', 'loss_dice', 'loss_iou')]


def test_one_pixel_in_doubt_by_hand():
    """p = 1/2 on a lesion pixel: 0.25 · 0.5² · ln 2; on background 0.75 · 0.5² · ln 2."""
    logits = torch.zeros(1, 1, 1, 1)
    lesion = BestMaskLoss()(logits, torch.tensor([[0.3]]), torch.ones(1, 1, 1))
    # Dice: 1 - (2 · 0.5 + 1) / (0.5 + 1 + 1). A probability of one half is no lesion: IoU 0.
    assert values(lesion) == pytest.approx([20 * 0.25 * 0.25 * math.log(2), 0.2, 0.09])
    background = BestMaskLoss()(logits, torch.tensor([[0.3]]), torch.zeros(1, 1, 1))
    # Dice: 1 - (0 + 1) / (0.5 + 0 + 1). Both masks are empty: IoU 1.
    assert values(background) == pytest.approx([20 * 0.75 * 0.25 * math.log(2), 1 / 3, 0.49])


@pytest.mark.parametrize(('select', 'target'), VARIANTS)
def test_every_variant_agrees_with_the_definitions(select, target):
    for seed in range(5):
        case = random_case(seed=seed)
        expected = reference(*case, select, target)
        assert values(BestMaskLoss(select_by=select, iou_for=target)(*case)) == pytest.approx(
            expected, rel=1e-5
        )


def test_the_variants_differ():
    """Candidate 0 has the better mask, candidate 1 the better predicted IoU."""
    truth = torch.tensor([[[1, 1, 1, 1, 0, 0]]])
    logits = certain([[1, 1, 1, 0, 0, 0]], [[1, 1, 0, 0, 0, 0]])  # IoU 3/4 and 1/2
    iou = torch.tensor([[0.0, 0.5]])
    weights = dict(focal_weight=0)
    dice = [1 - 7 / 8, 1 - 5 / 7]  # (2·3 + 1) / (3 + 4 + 1), (2·2 + 1) / (2 + 4 + 1)
    expected = {
        ('mask+iou', 'best'): [0, dice[1], 0],
        ('mask+iou', 'all'): [0, dice[1], 0.75**2 / 2],
        ('mask', 'best'): [0, dice[0], 0.75**2],
        ('mask', 'all'): [0, dice[0], 0.75**2 / 2],
    }
    for (select, target), losses in expected.items():
        found = BestMaskLoss(select_by=select, iou_for=target, **weights)(logits, iou, truth)
        assert values(found) == pytest.approx(losses)


def test_each_object_has_a_best_candidate_of_its_own():
    """A perfect candidate each, at different places: nothing is left of the mask's loss."""
    truth = torch.tensor([[[1, 0]], [[0, 1]]])
    masks = torch.cat([certain([[1, 0]], [[0, 1]])] * 2)
    losses = BestMaskLoss(select_by='mask')(masks, torch.ones(2, 2), truth)
    assert values(losses) == pytest.approx([0, 0, 0], abs=1e-6)


def test_losses_are_means_over_objects():
    logits, iou, truth = random_case()
    alone = [
        values(BestMaskLoss()(logits[i : i + 1], iou[i : i + 1], truth[i : i + 1]))
        for i in range(3)
    ]
    together = values(BestMaskLoss()(logits, iou, truth))
    assert together == pytest.approx(np.mean(alone, axis=0), rel=1e-5)


def test_an_empty_truth_is_best_predicted_empty():
    """Σp = 3 of four pixels: Dice 1 - 1 / (3 + 1), IoU 0; nothing predicted: 0 and IoU 1."""
    truth = torch.zeros(1, 2, 2)
    logits = certain([[1, 1], [1, 0]], [[0, 0], [0, 0]])
    valid = torch.ones(2, 2, dtype=torch.bool)
    _, dice = candidate_mask_losses(logits, truth, valid)
    assert dice.tolist() == [[pytest.approx(3 / 4), 0]]
    assert actual_iou(logits, truth, valid).tolist() == [[0, 1]]
    assert values(BestMaskLoss()(logits, torch.tensor([[0.0, 1.0]]), truth)) == [0, 0, 0]


def test_an_empty_truth_pushes_every_probability_down():
    logits = torch.zeros(1, 1, 3, 3, requires_grad=True)
    sum(BestMaskLoss()(logits, torch.ones(1, 1), torch.zeros(1, 3, 3)).values()).backward()
    assert (logits.grad > 0).all()


def test_the_actual_iou_by_hand():
    """Predicted 3, true 2, shared 1: 1 / 4. A logit of 0 is background."""
    logits = torch.tensor([[[[3.0, 0.1, 2.0], [0.0, -1.0, -5.0]]]])
    truth = torch.tensor([[[True, False, False], [True, False, False]]])
    assert actual_iou(logits, truth, torch.ones(2, 3, dtype=torch.bool)).tolist() == [[1 / 4]]


def test_the_mask_does_not_learn_from_the_predicted_iou():
    logits, iou, truth = random_case()
    logits.requires_grad_()
    iou.requires_grad_()
    loss = BestMaskLoss(iou_for='all')(logits, iou, truth)['loss_iou']
    gradients = torch.autograd.grad(loss, (logits, iou), allow_unused=True)
    assert gradients[0] is None
    assert (gradients[1] != 0).all()


@pytest.mark.parametrize(('target', 'learners'), [('best', 1), ('all', 3)])
def test_one_candidate_learns_the_mask_and_one_or_all_the_iou(target, learners):
    logits, iou, truth = random_case(objects=1)
    logits.requires_grad_()
    iou.requires_grad_()
    sum(BestMaskLoss(iou_for=target)(logits, iou, truth).values()).backward()
    assert (logits.grad.flatten(2) != 0).any(2).sum() == 1
    assert (iou.grad != 0).sum() == learners


def test_pixels_that_are_not_valid_do_not_count():
    """What the model and the truth say there changes nothing, not even as area."""
    logits, iou, truth = random_case()
    valid = torch.ones(6, 6, dtype=torch.bool)
    valid[4:] = False
    cropped = BestMaskLoss()(logits[..., :4, :], iou, truth[:, :4])
    logits[..., 4:, :], truth[:, 4:] = 7, False
    masked = BestMaskLoss()(logits, iou, truth, valid)
    assert values(masked) == pytest.approx(values(cropped))
    truth[:, 4:] = True
    assert values(BestMaskLoss()(logits, iou, truth, valid)) == values(masked)


def test_an_image_without_a_valid_pixel_teaches_no_mask():
    logits, iou, truth = random_case()
    losses = BestMaskLoss()(logits, iou, truth, torch.zeros(6, 6, dtype=torch.bool))
    assert values(losses)[:2] == [0, 0]
    assert math.isfinite(losses['loss_iou'])


def test_weights_are_factors_and_take_part_in_the_choice():
    case = random_case()
    plain = BestMaskLoss(select_by='mask', focal_weight=1, dice_weight=1)(*case)
    double = BestMaskLoss(select_by='mask', focal_weight=2, dice_weight=2, iou_weight=3)(*case)
    assert values(double) == pytest.approx((np.array(values(plain)) * (2, 2, 3)).tolist())
    # The first candidate misses half of the lesion, the second is unsure everywhere.
    truth = torch.tensor([[[1, 1, 0, 0]]])
    logits = torch.cat([certain([[1, 0, 0, 0]]), torch.zeros(1, 1, 1, 4)], dim=1)
    by_dice = BestMaskLoss(select_by='mask', focal_weight=0)(logits, torch.ones(1, 2), truth)
    by_focal = BestMaskLoss(select_by='mask')(logits, torch.ones(1, 2), truth)
    assert by_dice['loss_dice'].item() == pytest.approx(1 - 3 / 4)
    assert by_focal['loss_dice'].item() == pytest.approx(1 - 3 / 5)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_left_before_sums_are_made(dtype):
    """10,000 pixels of probability near one half: their sum has too many digits for half."""
    logits = torch.full((1, 1, 100, 100), 0.01, dtype=dtype)
    truth = torch.ones(1, 100, 100, dtype=torch.bool)
    with torch.autocast('cpu', torch.bfloat16):
        low = BestMaskLoss()(logits, torch.full((1, 1), 0.5, dtype=dtype), truth)
    full = BestMaskLoss()(logits.float(), torch.full((1, 1), 0.5), truth)
    assert all(loss.dtype == torch.float32 for loss in low.values())
    assert values(low) == pytest.approx(values(full), rel=1e-6)


def test_extreme_logits_have_finite_losses_and_gradients():
    logits = torch.tensor([[[[1e4, -1e4], [1e4, -1e4]]]], requires_grad=True)
    truth = torch.tensor([[[True, True], [False, False]]])
    losses = BestMaskLoss()(logits, torch.ones(1, 1), truth)
    sum(losses.values()).backward()
    assert all(math.isfinite(value) for value in values(losses))
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('bad', [dict(select_by='iou'), dict(iou_for='none'), dict(smooth=0)])
def test_options_that_mean_nothing_are_refused(bad):
    with pytest.raises(MammoError, match='Allowed'):
        MODELS.build(dict(type='BestMaskLoss', **bad))
