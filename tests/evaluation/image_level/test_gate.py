"""The gate: calibration and threshold together, and when there is none."""

import numpy as np
import pytest
from scipy.special import expit

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.evaluation.image_level.platt import fit_platt

GENERATOR = np.random.default_rng(0)
POSITIVE = GENERATOR.random(200) < 0.4
LOGITS = GENERATOR.normal(size=200) + 2 * POSITIVE
PATIENTS = np.array([f'P{number // 2}' for number in range(200)])


def closed(gate, logits):
    return expit(gate.scale * logits + gate.bias) <= gate.choice.threshold


@pytest.mark.parametrize('share', [0.5, 0.9, 0.95])
def test_a_share_of_the_lesions_stays_open_and_as_many_normals_as_can_be_are_closed(share):
    gate = find_gate(LOGITS, POSITIVE, PATIENTS, ('sensitivity', share))
    assert (gate.scale, gate.bias) == fit_platt(LOGITS, POSITIVE)
    opened = ~closed(gate, LOGITS)
    assert share <= opened[POSITIVE].mean() < share + 2 / POSITIVE.sum()
    lowest = LOGITS[POSITIVE & opened].min()
    assert (closed(gate, LOGITS) == (lowest > LOGITS)).all()


def test_a_share_of_the_normals_is_closed():
    gate = find_gate(LOGITS, POSITIVE, PATIENTS, ('specificity', 0.8))
    share = closed(gate, LOGITS)[~POSITIVE].mean()
    assert 0.8 <= share < 0.8 + 2 / (~POSITIVE).sum()
    facts = gate.as_facts()
    assert (facts['lesion'], facts['normal']) == (POSITIVE.sum(), (~POSITIVE).sum())
    assert facts['target'] == 'specificity=0.8'
    assert {**facts, **gate.as_settings()} == facts


def test_images_that_nobody_asked_about_are_left_out():
    logits = np.concatenate([LOGITS, np.full(50, -np.inf)])
    positive = np.concatenate([POSITIVE, np.zeros(50, bool)])
    patients = np.concatenate([PATIENTS, PATIENTS[:50]])
    target = ('specificity', 0.9)
    assert find_gate(logits, positive, patients, target) == find_gate(
        LOGITS, POSITIVE, PATIENTS, target
    )


@pytest.mark.parametrize(
    ('logits', 'positive', 'target', 'message'),
    [
        (LOGITS[:18], np.ones(18, bool), ('sensitivity', 0.95), r'18 images with a .* 19 or more'),
        (LOGITS, ~(LOGITS < 9), ('specificity', 0.9), '200 normal ones. Allowed: images of both'),
        (LOGITS, np.ones(200, bool), ('sensitivity', 0.9), ' 0 normal ones. Allowed: images of b'),
        (-LOGITS, POSITIVE, ('sensitivity', 0.9), r'no higher where there is one \(scale -'),
    ],
)
def test_without_enough_to_choose_from_there_is_none(logits, positive, target, message):
    with pytest.raises(MammoError, match=message):
        find_gate(logits, positive, PATIENTS[: len(logits)], target)


def test_normals_alone_are_enough_beside_a_calibration_that_is_given():
    normal = LOGITS[~POSITIVE]
    gate = find_gate(
        *(normal, np.zeros(len(normal), bool), PATIENTS[~POSITIVE]),
        *(('specificity', 0.9), (2.0, -1.0)),
    )
    assert (gate.scale, gate.bias, gate.lesion) == (2.0, -1.0, 0)
    assert 0.9 <= closed(gate, normal).mean() < 0.93
    assert np.isnan(gate.auroc)
