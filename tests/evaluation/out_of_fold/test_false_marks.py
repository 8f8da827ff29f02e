"""False marks out of fold: counted by hand, told in words, warned of where they multiply."""

from pathlib import Path

import numpy as np
import pytest

from mmseg_mammo.evaluation.out_of_fold.false_marks import (
    describe_false_marks,
    false_marks_in_words,
    warn_of_false_marks,
)
from mmseg_mammo.evaluation.out_of_fold.held_out import Scores


def scores(false_marks, lesion):
    count = len(lesion)
    return Scores(np.zeros(count), np.array(false_marks), np.array(lesion), np.arange(count))


def facts(before, anew, after, kept='tuned'):
    marks = {'as_it_is': before, 'start': anew, 'tuned': after}
    found = {name: {'all': one, 'lesion': one + 1, 'normal': None} for name, one in marks.items()}
    return {'kept': kept, 'false_marks': found}


def test_images_with_and_without_a_lesion_are_told_apart():
    found = describe_false_marks(scores([4, 2, 0], [True, True, False]))
    assert found == {'all': 2, 'lesion': 3, 'normal': 0}
    assert describe_false_marks(scores([4.0], [True]))['normal'] is None


def test_the_words_have_all_that_is_known():
    said = false_marks_in_words(facts(0.5, 1, 7))
    assert '1.5 on images with a lesion of the start at its own threshold, 8.0' in said
    assert 'new one' not in said
    said = false_marks_in_words(facts(0.5, 1, 7, 'start'))
    assert '2.0 on images with a lesion at the new one' in said
    assert false_marks_in_words({'kept': 'tuned'}) == ''


@pytest.mark.parametrize(
    ('before', 'after', 'warned'),
    [(1.0, 10.6, True), (1.0, 2.0, False), (0.9, 2.0, True), (0.1, 0.9, False), (4.0, 7.9, False)],
)
def test_twice_as_many_and_more_than_one_more_are_warned_of(before, after, warned):
    file = Path('work/best.pth')
    said = warn_of_false_marks(facts(before, 0, after), file)
    assert bool(said) == warned
    assert bool(warn_of_false_marks(facts(before, after, 0, 'start'), file)) == warned
    if warned:
        assert f'from {before:.1f} to {after:.1f} an image' in said
        assert (
            f'mammoseg calibrate {file} --data FOLDER --split test --promise false-marks=1' in said
        )
        assert 'if other images are kept for the last test' in said
