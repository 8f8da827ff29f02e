"""Fitted: a checkpoint with its own threshold, and what is said of it."""

import numpy as np
import pytest

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.test_output import describe_test_output, use_test_output
from mmseg_mammo.evaluation.out_of_fold.held_out import BINS, CUTS, HeldOut, cross_fitted
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.studies.few.cross_validation import Chosen
from mmseg_mammo.studies.few.fitted import fitted_of, in_words, write_fitted


@pytest.fixture
def chosen():
    counts = np.zeros((2, 2, BINS), np.int64)
    counts[:, 0, 3000], counts[:, 1, 3400] = 50, 10
    counts[0, 0, 3400] = counts[1, 1, 3000] = 1  # neither is sure
    names = np.array(['a', 'b'])
    lesion = counts[:, 1].sum(axis=1)
    marks = np.tile(np.arange(len(CUTS))[::-1], (2, 1))
    held = HeldOut(names, names, np.array([1, 2]), lesion, counts, marks, np.zeros(2, bool))
    scores = {0: cross_fitted(held, 0), 10: cross_fitted(held), 20: cross_fitted(held, 0)}
    return Chosen(10, 10, held, scores, held.at_cuts.best(), scores[10], scores[0], scores[0])


def test_the_weights_stay_and_threshold_and_temperature_are_those_of_the_folds(
    chosen, start, tmp_path
):
    write_fitted(tmp_path / 'best.pth', start, chosen, {'steps': 10})
    few = read_record(tmp_path / 'best.pth')['few']
    output = load_model(None, tmp_path / 'best.pth').test_output
    assert (few['threshold'], few['temperature']) == (output.threshold, output.temperature)
    changed = load_model(None, tmp_path / 'best.pth').cfg
    use_test_output(changed, threshold=0.9, temperature=1.0)
    told = describe_test_output(changed)
    assert (told['threshold'], told['temperature']) == (0.9, 1)
    assert told['trained_threshold'] == few['threshold']
    assert told['trained_temperature'] == few['temperature']
    logit = output.temperature * np.log(output.threshold / (1 - output.threshold))
    assert logit == pytest.approx(CUTS[chosen.place])
    own, new = (load_model(None, file).state_dict() for file in (start, tmp_path / 'best.pth'))
    assert all(own[name].equal(new[name]) for name in own)


def test_the_best_number_of_steps_is_compared_with_the_start(chosen, tmp_path):
    fitted = fitted_of(tmp_path, chosen)
    assert fitted.steps == 10
    assert fitted.gain.value == pytest.approx(fitted.tuned.value - fitted.start.value)
    assert fitted.tuned.value > fitted.start.value


def test_that_nothing_is_gained_is_said():
    ends = {'value': 1.0, 'low': float('nan'), 'high': float('nan')}
    marks = {'all': 1.0, 'lesion': 1.5, 'normal': 0.0}
    facts = {
        'images': {'lesion': 3, 'normal': 1, 'patients': 2},
        **dict.fromkeys(('start_dice', 'tuned_dice', 'gain'), ends),
        'best_steps': 5,
        'false_marks': dict.fromkeys(('as_it_is', 'start', 'tuned'), marks),
    }
    assert 'the start is kept' in in_words({**facts, 'kept': 'start'})
    chosen = '1.0 tuned for as many steps as the other folds choose'
    assert f'{chosen}: ' in in_words({**facts, 'kept': 'start'})
    assert f'{chosen} (5 on all images): ' in in_words({**facts, 'kept': 'tuned'})
    assert 'kept' not in in_words({**facts, 'kept': 'tuned'})
    twice = {**facts, 'kept': 'tuned', 'start_dice_as_it_is': {**ends, 'value': 0.5}}
    assert '1.0 of the start (0.5 at its own threshold), 1.0 tuned' in in_words(twice)
    for low, chance in ((-2.0, True), (0.5, False)):
        gain = {'value': 1.0, 'low': low, 'high': 3.0}
        assert (
            'which may be chance' in in_words({**facts, 'kept': 'tuned', 'gain': gain})
        ) is chance
    assert 'false marks an image out of fold: 1.5 on' in in_words({**facts, 'kept': 'tuned'})
