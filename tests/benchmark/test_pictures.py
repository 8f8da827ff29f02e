"""Curves become a picture; what was not measured is left out."""

from types import SimpleNamespace

import cv2
import matplotlib.pyplot as plt

from mmseg_mammo.benchmark.pictures import Panel, write_curves


def width(path):
    return cv2.imread(str(path)).shape[1]


def test_each_panel_with_points_is_drawn(tmp_path):
    full = Panel('batch', 'seconds', {'a': [(1, 2.0), (2, None)], 'b': [(2, 3.0)]}, 'xy')
    empty = Panel('batch', 'memory', {'a': [(1, None)]})
    write_curves(tmp_path / 'one.png', 'a step', [full, empty])
    write_curves(tmp_path / 'two.png', 'a step', [full, full])
    assert width(tmp_path / 'two.png') == 2 * width(tmp_path / 'one.png')


def test_nothing_measured_is_no_picture(tmp_path):
    write_curves(tmp_path / 'a.png', 'a step', [Panel('x', 'y', {'a': [(1, None)]})])
    assert not [*tmp_path.iterdir()]


def test_what_was_never_measured_is_not_in_the_legend(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        'mmseg_mammo.benchmark.pictures.panels',
        lambda *given: seen.append([*given[-1]]) or SimpleNamespace(png=b''),
    )
    series = {'clock': [(1, 1.0)], 'CPU': [(1, None)], 'peak': [(1, 3.0)]}
    write_curves(tmp_path / 'a.png', '', [Panel('processes', 's', series)])
    assert seen == [['clock', 'peak']]


def test_names_stand_in_the_place_of_numbers(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr('matplotlib.axes.Axes.set_yticks', lambda s, *a, **k: seen.append(a))
    panel = Panel('', 'seconds', {'a': [(0, 1.0), (1, 2.0)]}, names={0: 'ours', 1: 'theirs'})
    write_curves(tmp_path / 'a.png', '', [panel])
    assert seen == [([0, 1], ['ours', 'theirs'])]


def test_a_short_logarithmic_axis_has_plain_numbers(tmp_path, monkeypatch):
    seen = []

    def keep(name, title, x, y, drawers, places):
        _, axis = plt.subplots()
        drawers[0](axis)
        axis.figure.canvas.draw()
        seen.extend(text.get_text() for text in axis.get_yticklabels(which='both'))
        plt.close(axis.figure)
        return SimpleNamespace(png=b'')

    monkeypatch.setattr('mmseg_mammo.benchmark.pictures.panels', keep)
    write_curves(
        tmp_path / 'a.png', 'A', [Panel('workers', 'ms', {'a': [(0, 0.2), (1, 0.9)]}, 'y')]
    )

    assert {'0.2', '0.4'} <= set(seen)
    assert not [text for text in seen if '10' in text]
