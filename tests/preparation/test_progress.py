import itertools

import pytest

from mmseg_mammo.preparation.progress import show_progress


@pytest.mark.parametrize(('total', 'done', 'lines'), [(1000, 0, 10), (1000, 950, 1), (4, 0, 4)])
def test_a_log_has_a_line_every_tenth(capsys, total, done, lines):
    items = range(done, total)
    assert list(show_progress(items, total, 'preparing', done=done)) == list(items)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert said[-1] == f'preparing: {total} of {total} images'
    assert '\r' not in ''.join(said)


def test_a_log_says_early_how_long_it_will_take_and_with_every_line_how_long_is_left(
    capsys, monkeypatch
):
    seconds = itertools.count(step=4)  # of each image
    monkeypatch.setattr('time.monotonic', lambda: next(seconds))
    list(show_progress(range(900), 1000, 'predicting', done=100))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == 'predicting: 103 of 1000 images, about 0:59:48 left'
    assert said[1] == 'predicting: 200 of 1000 images, about 0:53:20 left'
    assert said[-1] == 'predicting: 1000 of 1000 images'
    assert len(said) == 10


def test_nothing_left_to_do_says_nothing(capsys):
    assert list(show_progress([], 5, 'preparing', done=5)) == []
    assert list(show_progress([], 0, 'preparing')) == []
    assert capsys.readouterr().err == ''


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setattr('sys.stderr.isatty', lambda: True, raising=False)
    assert list(show_progress('abc', 4, 'making', 'patient', done=1)) == list('abc')
    assert '4/4' in capsys.readouterr().err
