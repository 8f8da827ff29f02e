"""The prediction of an image, merged from objects of which some are closed."""

import math

import pytest
import torch

from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.sam.found import close_objects, merge_round
from mmseg_mammo.models.sam.mask_decoder import NOTHING, Round
from mmseg_mammo.models.test_output import TestOutput


def three_objects(logit=(2.0, -1.0, 0.5)):
    """1×2 pixels; object n has logits n + 1 and -n - 1 in all its candidates."""
    values = torch.arange(1.0, 4.0)[:, None, None, None]
    logits = torch.cat([values, -values], dim=3).expand(3, 3, 1, 2)
    iou = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.9, 0.2, 0.1]])
    prompts = Prompts(torch.zeros(3, 1, 2), torch.ones(3, 1, dtype=torch.int64))
    return Round(logits, iou, prompts, torch.tensor(logit))


@pytest.mark.parametrize(
    ('threshold', 'expected'),
    [(None, [3.0, -1.0]), (0.4, [3.0, -1.0]), (0.7, [1.0, -1.0]), (0.99, [3.0, -1.0])],
)
def test_a_closed_object_takes_no_part_where_another_one_is_open(threshold, expected):
    """Presences are 0.88, 0.27 and 0.62; where all are closed, the evidence stays."""
    found = merge_round(three_objects(), None, 0, TestOutput(presence_threshold=threshold))
    assert found.kept[1, 0].tolist() == expected
    assert found.offered[:, 1, 0].tolist() == [expected] * 3
    assert found.facts['object_presence'] == pytest.approx([0.8808, 0.2689, 0.6225], abs=1e-4)
    assert found.facts['presence_logit'] == 2.0


def test_presence_is_calibrated_before_objects_are_closed():
    output = TestOutput(presence_threshold=0.5, presence_scale=2.0, presence_bias=-2.0)
    logits, facts = close_objects(three_objects(), output)
    assert facts['object_presence'] == pytest.approx([0.8808, 0.0180, 0.2689], abs=1e-4)
    assert (logits[1:] == NOTHING).all()
    assert torch.equal(logits[0], three_objects().logits[0])
    # A presence that is the threshold is closed.
    logits, _ = close_objects(three_objects((0.0, 1.0, 1.0)), TestOutput(presence_threshold=0.5))
    assert (logits[0] == NOTHING).all()


def test_where_nothing_was_asked_for_there_is_no_object():
    nobody = Prompts(torch.zeros(0, 0, 2), torch.zeros(0, 0, dtype=torch.int64))
    last = Round(torch.full((1, 3, 1, 2), NOTHING), torch.full((1, 3), math.nan), nobody)
    found = merge_round(last, None, 'predicted_iou', TestOutput())
    assert found.facts['object_presence'] == []
    assert found.facts['presence_logit'] == -math.inf
    assert found.facts['chosen'] == -1


def test_without_an_object_score_nothing_is_said_of_presence():
    found = merge_round(three_objects(), None, 0, None)
    assert found.facts.keys() == {'candidate_iou', 'chosen'}
    assert found.kept[1, 0].tolist() == [3.0, -1.0]
