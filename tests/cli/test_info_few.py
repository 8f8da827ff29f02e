"""Lines on folds: numbers as the record has them, and words where one is unknown."""

from mmseg_mammo.cli.info_few import few_lines

FEW = {
    'start': {'file': 'best.pth', 'sha256': 'ab'},
    'images': {'lesion': 17, 'normal': 3, 'patients': 9},
    'folds': 5,
    'steps': 150,
    'start_dice': {'value': 28.14, 'low': 20.0, 'high': 35.0},
    'tuned_dice': {'value': 43.92, 'low': 33.0, 'high': 50.0},
    'gain': {'value': 15.78, 'low': 8.21, 'high': 22.4},
}


def test_a_tuning_says_what_folds_found():
    [(name, text)] = few_lines({'few': FEW})
    assert name == 'few samples'
    assert text.startswith('tuned for 150 steps; lesion Dice out of fold 28.1 of the start, 43.9')
    assert '(+15.8, +8.2 to +22.4), 5 folds of 17 images' in text


def test_false_marks_are_told_where_the_record_has_them():
    marks = {'all': 2.0, 'lesion': 2.5, 'normal': 0.5}
    facts = dict.fromkeys(('as_it_is', 'start', 'tuned'), marks)
    [(_, text)] = few_lines({'few': {**FEW, 'kept': 'tuned', 'false_marks': facts}})
    assert text.endswith('2.5 on images with a lesion and 0.5 on normal ones tuned')


def test_a_presence_threshold_is_none_of_the_folds():
    [(_, text)] = few_lines({'few': {**FEW, 'presence_threshold': 0.41237}})
    assert text.endswith('; the presence threshold, 0.4124, is that of the start')


def test_the_start_may_be_kept_and_an_interval_unknown():
    unknown = {'value': None, 'low': None, 'high': None}
    kept = {**FEW, 'steps': 0, 'tuned_dice': unknown, 'gain': unknown}
    [(_, text)] = few_lines({'few': kept})
    assert text.startswith('the start, best.pth (SHA-256 ab), is kept')
    assert 'unknown tuned (unknown)' in text


def test_a_model_of_folds_says_how_many():
    [(_, text)] = few_lines({'folds': {'count': 5, 'images': 40}})
    assert text.startswith('5 models, each trained without one fold of 40 images')
    assert few_lines({}) == []
