"""Candidate masks: columns and scalars, by hand."""

import numpy as np
import pytest

from mmseg_mammo.evaluation.candidates import (
    candidate_columns,
    candidate_count,
    is_unprompted,
    prompt_columns,
    summarise_candidates,
)
from mmseg_mammo.evaluation.overlap import overlap

TRUTH = np.array([[1, 1, 1, 1, 0, 0]], bool)
MASKS = np.array([[[1, 0, 0, 0, 0, 0]], [[1, 1, 1, 0, 0, 0]], [[1, 1, 1, 1, 1, 1]]], bool)
EMPTY = np.zeros_like(TRUTH)


def record(predicted=(0.5, 0.5, 0.5), chosen=0, masks=MASKS, truth=TRUTH):
    kept = overlap(masks[chosen], truth)
    columns = candidate_columns(masks, truth, predicted, chosen, kept)
    return {'truth_pixels': int(truth.sum()), **columns}


def test_columns_of_three_candidates_by_hand():
    """Shared 1, 3, 4 of truth 4; predicted 1, 3, 6."""
    columns = candidate_columns(MASKS, TRUTH, [0.1, 0.2, 0.9], 2, overlap(MASKS[2], TRUTH))
    assert list(columns)[:3] == ['candidate_0_iou', 'candidate_0_dice', 'candidate_0_predicted_iou']
    assert [columns[f'candidate_{k}_iou'] for k in range(3)] == pytest.approx([1 / 4, 3 / 4, 4 / 6])
    assert [columns[f'candidate_{k}_dice'] for k in range(3)] == pytest.approx([2 / 5, 6 / 7, 0.8])
    assert [columns[f'candidate_{k}_predicted_iou'] for k in range(3)] == [0.1, 0.2, 0.9]
    assert columns['chosen'] == 2
    assert (columns['hindsight_iou'], columns['hindsight_dice']) == pytest.approx((3 / 4, 6 / 7))


def test_an_empty_candidate_of_a_normal_image_is_right():
    masks = np.stack([EMPTY, TRUTH])
    columns = candidate_columns(masks, EMPTY, [0.9, 0.9], 1, overlap(TRUTH, EMPTY))
    assert columns['candidate_0_iou'] == columns['hindsight_dice'] == 1
    assert columns['candidate_1_iou'] == pytest.approx(0, abs=1e-6)


def test_nothing_kept_is_better_than_the_best_in_hindsight():
    """Two objects: the one kept candidate 0, the other candidate 1, and both were right."""
    halves = np.array([[[1, 1, 0, 0, 0, 0]], [[0, 0, 1, 1, 0, 0]]], bool)
    columns = candidate_columns(halves, TRUTH, [np.nan] * 2, -1, overlap(TRUTH, TRUTH))
    assert columns['hindsight_iou'] == columns['hindsight_dice'] == 1
    assert columns['candidate_0_iou'] == pytest.approx(1 / 2)


def test_a_better_mixture_of_several_objects_counts_in_hindsight():
    """Candidates of IoU 1/4, 3/4 and 2/3; a union of other ones is right."""
    given = MASKS, TRUTH, [np.nan] * 3, 0, overlap(MASKS[0], TRUTH)
    columns = candidate_columns(*given, best_of_each=TRUTH)
    assert columns['hindsight_iou'] == columns['hindsight_dice'] == 1
    columns = candidate_columns(*given, best_of_each=EMPTY)
    assert columns['hindsight_iou'] == pytest.approx(3 / 4)


def test_every_candidate_needs_its_predicted_iou():
    with pytest.raises(ValueError, match='shorter'):
        candidate_columns(MASKS, TRUTH, [0.1, 0.2], 0, overlap(MASKS[0], TRUTH))


def test_scores_of_candidates_are_means_over_the_images_of_a_stratum():
    normal = record(masks=np.stack([EMPTY, TRUTH, TRUTH]), truth=EMPTY)
    scores = summarise_candidates([record(), record(masks=MASKS[::-1]), normal])
    assert scores['lesion_candidate_0_iou'] == pytest.approx(100 * (1 / 4 + 2 / 3) / 2)
    assert scores['candidate_0_iou'] == pytest.approx(100 * (1 / 4 + 2 / 3 + 1) / 3)
    assert scores['normal_candidate_0_dice'] == 100
    assert scores['normal_candidate_1_dice'] == pytest.approx(0, abs=1e-4)
    assert scores['lesion_hindsight_iou'] == pytest.approx(75)
    assert scores['hindsight_dice'] == pytest.approx(100 * (6 / 7 + 6 / 7 + 1) / 3)


def test_calibration_has_a_size_and_a_sign():
    """Actual IoUs are 1/4, 3/4 and 2/3; the kept ones are predicted 0.5 too high, 0.25 too low."""
    one = record(predicted=(0.75, 0.75, 2 / 3), chosen=0)
    other = record(predicted=(0.25, 0.5, 2 / 3), chosen=1)
    scores = summarise_candidates([one, other])
    assert scores['chosen_iou_error'] == pytest.approx(100 * (0.5 + 0.25) / 2)
    assert scores['chosen_iou_bias'] == pytest.approx(100 * (0.5 - 0.25) / 2)
    assert scores['lesion_candidates_iou_error'] == pytest.approx(100 * 0.75 / 6)
    assert scores['lesion_candidates_iou_bias'] == pytest.approx(100 * 0.25 / 6)
    assert scores['lesion_chosen_iou_ece'] == pytest.approx(100 * (0.5 + 0.25) / 2)
    assert np.isnan(scores['normal_chosen_iou_error'])
    assert np.isnan(scores['normal_chosen_iou_ece'])


def test_the_union_of_several_objects_has_no_calibration():
    """Of IoUs 1 and 1/2, rightly predicted, the mean is 3/4; that of the union is another."""
    for chosen in (0, -1):
        union = record(predicted=[np.nan] * 3, chosen=chosen)
        scores = summarise_candidates([record(chosen=0), union])
        assert scores['chosen_iou_error'] == pytest.approx(25)
        assert scores['candidates_iou_error'] == pytest.approx(100 * (1 / 4 + 1 / 4 + 1 / 6) / 3)
        assert (scores['calibrated_images'], scores['lesion_calibrated_images']) == (1, 1)
        assert scores['normal_calibrated_images'] == 0
        alone = summarise_candidates([union])
        assert alone['lesion_calibrated_images'] == 0
        assert np.isnan(alone['chosen_iou_bias'])
        assert np.isnan(alone['candidates_iou_error'])
        assert alone['candidate_1_iou'] == pytest.approx(75)


def test_every_scalar_comes_in_three_strata():
    scores = summarise_candidates([record()])
    whole = {name for name in scores if not name.startswith(('lesion_', 'normal_'))}
    assert len(whole) == 3 * 2 + 2 + 6
    assert set(scores) == {
        f'{stratum}{name}' for stratum in ('', 'lesion_', 'normal_') for name in whole
    }


def test_models_without_candidates_have_no_such_scalars():
    assert summarise_candidates([{'truth_pixels': 3, 'iou': 1.0}]) == {}
    assert summarise_candidates([]) == {}


def test_the_number_of_candidates_is_read_from_the_columns():
    assert candidate_count(record()) == candidate_count(summarise_candidates([record()])) == 3
    assert candidate_count(record(predicted=[0.5], masks=MASKS[:1])) == 1
    assert candidate_count({'iou': 1.0}) == 0


def test_prompts_are_written_as_text():
    sample = {
        'prompts_from': 'truth',
        'prompt_points': [[12, 30.46, 1], [0.0, 7.25, 0]],
        'prompt_boxes': [[1, 2.04, 30, 41.96], [5, 6, 7, 8]],
    }
    assert prompt_columns(sample) == {
        'prompts_from': 'truth',
        'prompt_points': '12.0:30.5:1 0.0:7.2:0',
        'prompt_boxes': '1.0:2.0:30.0:42.0 5.0:6.0:7.0:8.0',
    }
    none = {'prompts_from': 'given', 'prompt_points': [], 'prompt_boxes': []}
    assert prompt_columns(none) == none | {'prompt_points': '', 'prompt_boxes': ''}
    assert prompt_columns({}) == {}


@pytest.mark.parametrize(
    ('columns', 'unprompted'),
    [
        (dict(prompts_from='given', prompt_points='', prompt_boxes=''), True),
        (dict(prompts_from='given', prompt_points='1:2:1', prompt_boxes=''), False),
        (dict(prompts_from='given', prompt_points='', prompt_boxes='1:2:3:4'), False),
        (dict(prompts_from='truth', prompt_points='', prompt_boxes=''), False),
        ({}, False),
    ],
)
def test_images_without_a_prompt_are_counted_where_prompts_are_given(columns, unprompted):
    assert is_unprompted(columns) is unprompted
    scores = summarise_candidates([record() | columns])
    expected = float(unprompted) if columns.get('prompts_from') == 'given' else None
    assert scores.get('unprompted_images') == expected
