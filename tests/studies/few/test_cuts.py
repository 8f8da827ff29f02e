"""Cuts of a config: its own one, and a probe that moves no mask."""

import numpy as np
import pytest
from few_tunings import tuning

from mmseg_mammo.engine.config.test_output import threshold_of, use_test_output
from mmseg_mammo.evaluation.out_of_fold.held_out import CUTS
from mmseg_mammo.studies.few.cuts import at_probe, fixed_place, own_place


@pytest.fixture
def cfg(start, prepared, tmp_path):
    return tuning('unet_full', start, prepared, tmp_path / 'work')


def test_the_masks_of_a_validation_stay_what_they_are(cfg):
    before = threshold_of(cfg)
    at_probe(cfg)
    output = cfg.model.test_output
    assert output.temperature == 8
    own, probed = (np.log(value / (1 - value)) for value in (before, output.threshold))
    assert probed * 8 == pytest.approx(own, abs=1e-9)


def test_a_threshold_that_the_truth_helps_to_find_is_not_chosen(cfg):
    assert fixed_place(cfg) is None
    cfg.model.prompts_from = 'truth'
    assert fixed_place(cfg) is not None


def test_the_own_cut_is_that_of_logits_at_the_temperature(cfg):
    use_test_output(cfg, threshold=1 / (1 + np.exp(-1.0)), temperature=2.0)
    assert CUTS[own_place(cfg)] == pytest.approx(2)
    use_test_output(cfg, threshold=1.0)
    assert own_place(cfg) == len(CUTS) - 1
