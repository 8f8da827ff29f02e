"""Curves become a picture; what was not measured is left out."""

import cv2

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


def test_names_stand_in_the_place_of_numbers(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr('matplotlib.axes.Axes.set_yticks', lambda s, *a, **k: seen.append(a))
    panel = Panel('', 'seconds', {'a': [(0, 1.0), (1, 2.0)]}, names={0: 'ours', 1: 'theirs'})
    write_curves(tmp_path / 'a.png', '', [panel])
    assert seen == [([0, 1], ['ours', 'theirs'])]
