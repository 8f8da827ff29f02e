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


def test_nothing_left_to_do_says_nothing(capsys):
    assert list(show_progress([], 5, 'preparing', done=5)) == []
    assert list(show_progress([], 0, 'preparing')) == []
    assert capsys.readouterr().err == ''


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setattr('sys.stderr.isatty', lambda: True, raising=False)
    assert list(show_progress('abc', 4, 'making', 'patient', done=1)) == list('abc')
    assert '4/4' in capsys.readouterr().err
