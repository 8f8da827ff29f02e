"""The Dice loss per image, against numbers computed by hand."""

import pytest
import torch

from mmseg_mammo.models.losses.dice import LesionDiceLoss, soft_dice

SURE = 100.0  # a logit whose sigmoid is 1 in float32


def logits(*masks):
    """Logits B×1×H×W of certain predictions."""
    return (torch.tensor(masks).float() * 2 - 1)[:, None] * SURE


def test_soft_dice_of_halves_by_hand():
    """Σp·g = 0.5 + 0.5, Σp = 2, Σg = 2, s = 1: (2 + 1) / (4 + 1)."""
    probability = torch.full((1, 2, 2), 0.5)
    truth = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
    valid = torch.ones(1, 2, 2, dtype=torch.bool)
    assert soft_dice(probability, truth, valid, 1.0).tolist() == [pytest.approx(3 / 5)]


def test_every_image_counts_once_however_small_its_lesion():
    """Image 1 misses its only lesion pixel, image 2 has all 16: (1 - 1/2 + 0) / 2."""
    truth = torch.zeros(2, 4, 4, dtype=torch.long)
    truth[0, 0, 0] = 1
    truth[1] = 1
    found = logits(torch.zeros(4, 4).tolist(), torch.ones(4, 4).tolist())
    assert LesionDiceLoss()(found, truth).item() == pytest.approx((1 - 1 / 2) / 2)
    alone = [LesionDiceLoss()(found[i : i + 1], truth[i : i + 1]).item() for i in (0, 1)]
    assert LesionDiceLoss()(found, truth).item() == pytest.approx(sum(alone) / 2)


def test_an_empty_mask_is_best_predicted_empty_and_has_a_gradient():
    """Nothing predicted: 0. Three pixels predicted: 1 - 1 / (3 + 1)."""
    truth = torch.zeros(1, 2, 2, dtype=torch.long)
    assert LesionDiceLoss()(logits([[0, 0], [0, 0]]), truth).item() == 0
    assert LesionDiceLoss()(logits([[1, 1], [1, 0]]), truth).item() == pytest.approx(3 / 4)
    pred = torch.zeros(1, 1, 2, 2, requires_grad=True)
    LesionDiceLoss()(pred, truth).backward()
    assert (pred.grad > 0).all()  # going downhill lowers every probability


def test_ignored_pixels_do_not_count():
    truth = torch.tensor([[[1, 255], [0, 255]]])
    one, other = logits([[1, 1], [0, 1]]), logits([[1, 0], [0, 0]])
    assert LesionDiceLoss()(one, truth) == LesionDiceLoss()(other, truth) == 0


def test_weights_of_pixels_count():
    """Only the upper left pixel has weight, and it is missed: 1 - 1 / (1 + 1)."""
    weight = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    missed = LesionDiceLoss()(logits([[0, 1], [1, 1]]), torch.ones(1, 2, 2).long(), weight)
    assert missed.item() == pytest.approx(1 / 2)


def test_one_channel_equals_two_of_opposite_logits():
    generator = torch.Generator().manual_seed(0)
    single = torch.randn(2, 1, 5, 5, generator=generator)
    double = torch.cat([-single / 2, single / 2], dim=1)
    truth = torch.randint(0, 2, (2, 5, 5), generator=generator)
    torch.testing.assert_close(LesionDiceLoss()(single, truth), LesionDiceLoss()(double, truth))


@pytest.mark.parametrize('smooth', [0, -1])
def test_smoothing_must_be_positive(smooth):
    with pytest.raises(ValueError, match='positive'):
        LesionDiceLoss(smooth=smooth)


@pytest.mark.parametrize('channels', [1, 2])
def test_an_image_of_which_no_pixel_is_known_loses_nothing_and_moves_nothing(channels):
    truth = torch.full((2, 3, 3), 255)
    truth[1] = torch.eye(3)
    pred = torch.randn(2, channels, 3, 3, generator=torch.Generator().manual_seed(0))
    pred.requires_grad_()
    LesionDiceLoss()(pred, truth).backward()
    assert not pred.grad[0].any()
    assert pred.grad[1].any()
    assert pred.grad.isfinite().all()
    assert LesionDiceLoss()(pred[:1], truth[:1]).item() == 0


def test_normal_images_may_be_left_to_other_losses():
    logits = torch.randn(3, 1, 4, 4, requires_grad=True)
    truth = torch.zeros(3, 4, 4, dtype=torch.int64)
    truth[1, 1, 1] = 1
    truth[2] = 255
    lesion_alone = LesionDiceLoss()(logits[1:2], truth[1:2])
    loss = LesionDiceLoss(normals=False)(logits, truth)
    torch.testing.assert_close(loss, lesion_alone)
    loss.backward()
    assert (logits.grad[[0, 2]] == 0).all()
    assert (logits.grad[1] != 0).any()
    assert LesionDiceLoss(normals=False)(logits[:1], truth[:1]) == 0
    assert LesionDiceLoss()(logits[:1], truth[:1]) > 0
