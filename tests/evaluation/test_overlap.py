import numpy as np
import pytest
import torch
from monai.metrics import compute_dice, compute_iou
from sklearn.metrics import f1_score, jaccard_score

from mmseg_mammo.evaluation.overlap import Overlap, dice, iou, overlap, summarise


def test_counts_by_hand():
    truth = np.array([[1, 1, 0], [1, 0, 0]], bool)
    predicted = np.array([[1, 0, 0], [1, 1, 1]], bool)
    counts = overlap(predicted, truth)
    assert counts == Overlap(truth=3, predicted=4, intersection=2)
    assert counts.iou == pytest.approx(2 / 5)
    assert counts.dice == pytest.approx(4 / 7)


def test_random_masks_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth, predicted = rng.random((2, 12, 9)) > rng.random((2, 1, 1))
        counts = overlap(predicted, truth)
        assert counts.iou == pytest.approx(
            jaccard_score(truth.ravel(), predicted.ravel()), abs=1e-7
        )
        assert counts.dice == pytest.approx(f1_score(truth.ravel(), predicted.ravel()), abs=1e-7)


def test_both_empty_is_one_and_a_false_alarm_is_nearly_zero():
    assert Overlap(0, 0, 0).iou == Overlap(0, 0, 0).dice == 1
    assert Overlap(0, 1, 0).iou < 1e-6
    assert Overlap(1, 0, 0).dice < 1e-6


def test_masks_of_different_shape_are_refused():
    with pytest.raises(ValueError, match='differ in shape'):
        overlap(np.zeros((2, 2), bool), np.zeros((2, 3), bool))


def test_predicting_nothing_on_the_thesis_hospital_scores_47_percent():
    """97 of the 206 annotated ZGT images have no lesion."""
    images = [Overlap(0, 0, 0)] * 97 + [Overlap(50, 0, 0)] * 109
    scores = summarise(images, [0.0] * 206)
    assert scores['iou'] == pytest.approx(47.1, abs=0.05)
    assert scores['dice'] == scores['predict_nothing_dice'] == pytest.approx(47.1, abs=0.05)
    assert scores['lesion_iou'] == pytest.approx(0, abs=1e-6)
    assert scores['specificity'] == 100


def test_the_strata_are_kept_apart():
    images = [Overlap(10, 10, 10), Overlap(10, 10, 5), Overlap(0, 0, 0), Overlap(0, 3, 0)]
    scores = summarise(images, [0.9, 0.4, 0.1, 0.6])
    assert scores['lesion_iou'] == pytest.approx(100 * (1 + 1 / 3) / 2)
    assert scores['lesion_dice'] == pytest.approx(75)
    assert scores['specificity'] == 50
    assert scores['normal_iou'] == pytest.approx(50, abs=1e-4)
    assert scores['iou'] == pytest.approx(100 * (1 + 1 / 3 + 1) / 4, abs=1e-4)
    assert scores['predict_nothing_iou'] == pytest.approx(50, abs=1e-4)
    assert scores['auroc'] == 0.75  # three of the four pairs are in order
    assert [scores[k] for k in ('images', 'lesion_images', 'normal_images')] == [4, 2, 2]


def test_a_stratum_without_images_is_not_a_number():
    scores = summarise([Overlap(10, 10, 10)], [0.9])
    assert np.isnan([scores[k] for k in ('normal_iou', 'specificity', 'auroc')]).all()
    assert scores['lesion_iou'] == 100


def one_pixel(row):
    mask = np.zeros((16, 16), bool)
    mask[row, 3] = True
    return mask


def masks():
    generator = np.random.default_rng(0)
    empty = np.zeros((16, 16), bool)
    for share in (0.02, 0.3, 0.9):
        yield generator.random((16, 16)) < share, generator.random((16, 16)) < share
    yield one_pixel(3), one_pixel(3)
    yield one_pixel(3), one_pixel(4)
    yield one_pixel(3), empty
    yield empty, one_pixel(3)
    yield empty, empty


def counted(pairs):
    found = [(t.sum(), p.sum(), (t & p).sum()) for t, p in pairs]
    return [np.array(column, float) for column in zip(*found, strict=True)]


def test_scores_are_those_of_the_metric_of_this_project():
    pairs = list(masks())
    pixels = counted(pairs)
    metric = [overlap(predicted, truth) for truth, predicted in pairs]
    assert dice(*pixels) == pytest.approx([each.dice for each in metric], abs=1e-12)
    assert iou(*pixels) == pytest.approx([each.iou for each in metric], abs=1e-12)


def test_scores_are_monais_and_scikit_learns():
    pairs = list(masks())
    pixels = counted(pairs)
    for (truth, predicted), ours_dice, ours_iou in zip(
        pairs, dice(*pixels), iou(*pixels), strict=True
    ):
        p, t = (torch.from_numpy(mask)[None, None].float() for mask in (predicted, truth))
        # Two empty masks are a perfect answer here, and a gap there unless told otherwise.
        monai = (
            compute_dice(p, t, ignore_empty=False).item(),
            compute_iou(p, t, ignore_empty=False).item(),
        )
        assert (ours_dice, ours_iou) == pytest.approx(monai, abs=1e-6)
        flat = (truth.ravel(), predicted.ravel())
        theirs = (f1_score(*flat, zero_division=1), jaccard_score(*flat, zero_division=1))
        assert (ours_dice, ours_iou) == pytest.approx(theirs, abs=1e-6)
