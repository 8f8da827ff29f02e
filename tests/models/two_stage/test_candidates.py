import math
from dataclasses import replace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.two_stage.candidates import (
    NEVER,
    Candidate,
    Ranking,
    candidate_of,
    lesion_logits,
    paste,
    presence_logit,
    rank,
    ranking_logits,
    read_ranking,
)
from mmseg_mammo.models.two_stage.peaks import Peak
from mmseg_mammo.models.two_stage.settings import KeepRule


def candidate(finder=0.5, presence=0.5, highest=0.5, crop=(0, 0, 4, 4), logits=None, **more):
    logits = torch.zeros(4, 4) if logits is None else logits
    return Candidate(1.0, 2.0, finder, crop, presence, highest, logits, **more)


def answer(logits, **meta):
    sample = SegDataSample(metainfo={'img_path': 'a.png', **meta})
    sample.seg_logits = PixelData(data=logits)
    return sample


def test_the_score_is_a_logistic_function_of_three_logits():
    assert ranking_logits(0.5, 0.5, 0.5) == [0, 0, 0]
    one = candidate(0.8, 0.6, 0.9)
    logits = [math.log(p / (1 - p)) for p in (0.8, 0.6, 0.9)]
    assert Ranking().score(one) == pytest.approx(1 / (1 + math.exp(-sum(logits) / 3)))
    own = Ranking((1.0, -2.0, 0.5), 0.25)
    total = 0.25 + logits[0] - 2 * logits[1] + 0.5 * logits[2]
    assert own.score(one) == pytest.approx(1 / (1 + math.exp(-total)))
    assert Ranking((1.0, 0.0, 0.0)).score(candidate(1.0)) == pytest.approx(1 - 1e-6)
    assert Ranking((1e9, 0.0, 0.0)).score(candidate(0.0)) == 0  # no overflow


def test_rankings_that_mean_nothing_are_refused():
    assert read_ranking(None) == Ranking()
    assert read_ranking({'weights': [1, 2, 3], 'bias': -1}) == Ranking((1.0, 2.0, 3.0), -1.0)
    for wrong in (
        {'weights': [1, 2]},
        {'weights': [1, 2, math.nan]},
        {'weights': [1, 2, 3], 'offset': 1},
        {},
    ):
        with pytest.raises(MammoError, match=r'ranking=.*weights=\[finder, presence, highest\]'):
            read_ranking(wrong)


def test_the_best_ones_are_kept_that_reach_the_score_and_are_not_closed():
    four = [candidate(0.2), candidate(0.9, closed=True), candidate(0.8), candidate(0.7)]
    only = Ranking((1.0, 0.0, 0.0))
    ranked = rank(four, only, KeepRule(count=2, min_score=0.1))
    assert [one.finder_score for one in ranked] == [0.9, 0.8, 0.7, 0.2]
    assert [one.kept for one in ranked] == [False, True, True, False]
    assert [one.kept for one in rank(four, only, KeepRule(count=4, min_score=0.75))] == [
        *(False, True, False, False)
    ]
    assert presence_logit(ranked) == pytest.approx(math.log(9))
    assert presence_logit([]) == -math.inf


def test_an_answer_is_read_of_one_channel_and_of_two():
    peak = Peak(5.0, 6.0, 0.75, 3.0)
    two = candidate_of(peak, (1, 2, 5, 6), answer(torch.tensor([[[0.0, 1.0]], [[2.0, 0.0]]])))
    assert two.logits.tolist() == [[2.0, -1.0]]
    assert two.refiner_max == pytest.approx(1 / (1 + math.exp(-2)))
    assert (two.refiner_presence, two.finder_score, two.closed) == (0.5, 0.75, False)
    said = answer(torch.tensor([[[0.25, 0.5]]]), presence_logit=-1.0, closed=True)
    one = candidate_of(peak, (1, 2, 5, 6), said)
    assert one.logits[0].tolist() == pytest.approx([math.log(1 / 3), 0])
    assert one.refiner_presence == pytest.approx(1 / (1 + math.e))
    assert one.closed
    assert torch.isfinite(lesion_logits(torch.tensor([[[0.0, 1.0]]]))).all()


@pytest.mark.parametrize(
    'broken',
    [
        answer(torch.tensor([[[math.nan]]])),
        answer(torch.tensor([[[0.5]]]), presence_logit=math.nan),
    ],
)
def test_what_is_no_number_is_refused(broken):
    with pytest.raises(
        MammoError, match=r'a\.png: the model gives probabilities that are not numb'
    ):
        candidate_of(Peak(0.0, 0.0, 0.5, 1.0), (0, 0, 1, 1), broken)


def test_crops_are_pasted_where_they_lie_and_the_higher_logit_counts():
    crop = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    one = candidate(crop=(-1, -1, 3, 3), logits=crop, kept=True)
    other = candidate(crop=(2, 2, 6, 6), logits=3 * crop, kept=True)
    lost = candidate(crop=(0, 4, 2, 6), logits=9 * crop)
    found = paste([one, other, lost], (5, 4))
    expected = torch.full((5, 4), NEVER)
    expected[:3, :3] = 1
    expected[2:, 2:] = 3
    assert torch.equal(found, expected)
    low = replace(other, logits=-crop)
    assert paste([low, one], (5, 4))[2, 2] == 1
    assert torch.equal(
        paste([one], (5, 4), scale=lambda logits: logits / 2)[0, :3], crop[0, 0].expand(3) / 2
    )
    beyond = candidate(crop=(9, 9, 11, 11), logits=crop, kept=True)
    assert (paste([beyond], (5, 4)) == NEVER).all()
    assert NEVER < -150
    assert torch.sigmoid(torch.tensor(NEVER)) == 0


def test_what_a_sample_notes_is_plain_data():
    noted = candidate(0.25, 0.5, 0.75, crop=(0, 1, 2, 3), score=0.5, kept=True).as_metainfo()
    assert noted == {
        'x': 1.0,
        'y': 2.0,
        'finder_score': 0.25,
        'crop': (0, 1, 2, 3),
        'refiner_presence': 0.5,
        'refiner_max': 0.75,
        'score': 0.5,
        'kept': True,
    }
