"""Presence in the metric: what is closed, what would be otherwise, and its AUROC."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.presence import (
    is_positive,
    presence_columns,
    summarise_presence,
)
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.evaluation.overlap import Overlap
from mmseg_mammo.io.run_folder import PRESENCE_COLUMNS

SIDE = 24


def sample(number, truth, logit, closed, probability=0.9):
    """An image of which a quarter is marked, unless it is closed."""
    found = torch.full((SIDE, SIDE), 0.1)
    found[:12, :12] = probability
    mask = torch.zeros((1, SIDE, SIDE), dtype=torch.long)
    if truth:
        mask[:, :12, :24] = 1
    predicted = (found > 0.5).long()[None] * (not closed)
    return {
        'seg_logits': {'data': found[None]},
        'pred_sem_seg': {'data': predicted},
        'gt_sem_seg': {'data': mask},
        'image': f'{number}.png',
        'presence': 1 / (1 + math.exp(-logit)),
        'presence_logit': logit,
        'closed': closed,
    }


def evaluate(samples, **options):
    metric = MammographyMetric(**options)
    metric.process(None, samples)
    return metric.evaluate(len(samples)), metric


SAMPLES = [sample(0, 1, 2.0, False), sample(1, 1, -1.0, True), sample(2, 0, 0.5, False)]
SAMPLES += [sample(3, 0, -2.0, True)]


@pytest.mark.parametrize('eval_size', [None, SIDE, 12])
def test_main_columns_are_with_the_gate_and_others_beside_as_if_nothing_were_closed(eval_size):
    scores, metric = evaluate(SAMPLES, eval_size=eval_size, lesions=True)
    first, missed, wrong, right = metric.records
    assert [r['closed'] for r in metric.records] == [0, 1, 0, 1]
    assert (missed['predicted_pixels'], missed['intersection_pixels']) == (0, 0)
    assert (missed['dice'] < 1e-6, right['dice'], missed['max_probability']) == (True, 1.0, 0.0)
    for record in (missed, right):
        own = first if record is missed else wrong
        for name in ('predicted_pixels', 'intersection_pixels', 'max_probability'):
            assert record[f'ungated_{name}'] == own[name] == own[f'ungated_{name}']
    assert scores['lesion_dice'] == pytest.approx(100 * (2 / 3) / 2, rel=1e-5)
    assert scores['ungated_lesion_dice'] == pytest.approx(100 * 2 / 3, rel=1e-5)
    assert (scores['specificity'], scores['ungated_specificity']) == (50, 0)
    assert missed['predicted_lesions'] == missed['predicted_pixels_224'] == 0
    assert {row['key'] for row in metric.lesion_rows if row['kind'] == 'detection'} == {'_0', '_2'}


def test_a_closed_image_may_have_been_cut_elsewhere_than_its_evidence():
    """Its mask is empty whatever the threshold: that is no other threshold of the metric."""
    assert evaluate([sample(0, 1, -1.0, True)])[0]['lesion_dice'] < 1e-4


def test_presence_auroc_is_scikit_learns_on_the_raw_logits():
    generator = np.random.default_rng(1)
    labels = generator.random(40) < 0.4
    logits = generator.normal(size=40).round(1) + labels  # with ties
    given = [
        sample(i, int(p), float(x), False)
        for i, (p, x) in enumerate(zip(labels, logits, strict=True))
    ]
    found = evaluate(given)[0]['presence_auroc']
    assert found == pytest.approx(roc_auc_score(labels, logits), abs=1e-12)


def test_an_image_without_a_prompt_is_not_a_right_answer():
    unasked = [sample(i, 0, -math.inf, True) for i in range(2, 5)]
    alone = evaluate([sample(0, 1, 1.0, False), *unasked])[0]
    assert math.isnan(alone['presence_auroc'])
    both = evaluate([sample(0, 1, 1.0, False), sample(1, 0, 2.0, False), *unasked])[0]
    assert both['presence_auroc'] == 0


def test_a_lesion_by_the_index_counts_whatever_its_mask_shows():
    assert is_positive({'annotated': 'lesion', 'truth_pixels': math.nan})
    assert not is_positive({'annotated': 'normal', 'truth_pixels': 0})
    assert is_positive({'annotated': '', 'truth_pixels': 3})


def test_a_model_without_presence_has_neither_columns_nor_scalars():
    plain = [{k: v for k, v in one.items() if k not in PRESENCE_COLUMNS} for one in SAMPLES[:1]]
    scores, metric = evaluate(plain)
    for names in (scores, metric.records[0]):
        assert not [name for name in names if 'presence' in name or 'ungated' in name]
    assert summarise_presence([]) == {}


def test_a_presence_that_is_not_a_number_ends_the_evaluation():
    said = {'presence': math.nan, 'presence_logit': math.nan, 'closed': False, 'img_path': 'a.png'}
    with pytest.raises(
        MammoError, match=r'a\.png: the model gives a presence that is not a number'
    ):
        presence_columns(said, Overlap(4, 2, 1), 0.8)
