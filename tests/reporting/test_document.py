"""Parts of a report keep what they promise, in those that are made and in a whole report."""

import math
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest
from matplotlib.image import imread
from PIL import Image

from mmseg_mammo.reporting.document import Case, Section, Table


def test_every_table_and_figure_has_a_name_of_its_own_and_a_note(built):
    sections, _, notes = built
    items = [item for section in sections for item in section.items]
    assert len({(type(item), item.name) for item in items}) == len(items)
    assert len({section.anchor for section in sections}) == len(sections)
    assert notes[0] == 'Not a medical device.'
    for item in items:
        text = ' '.join(item.notes) if isinstance(item, Table) else item.caption
        assert 'Not a medical device' in text, item.name


def test_parts_cannot_be_changed_by_those_who_show_them():
    table, section = Table('t', 'T', ('a',), ((1,),)), Section('s', 'S', (), ())
    assert (table.notes, section.warnings) == ((), ())
    case = Case('k', 'd', {}, Path('k.jpg'), None, {}, {}, {})
    for part in (table, section, case):
        for field in fields(part):
            with pytest.raises(FrozenInstanceError):
                setattr(part, field.name, None)
    assert replace(section, items=(table,)) == Section('s', 'S', (), (table,))
    assert len({table, section, replace(table)}) == 2  # equal ones are one


def test_every_row_has_a_cell_for_each_column_and_cells_are_plain(built):
    """NumPy's numbers are shown with their type by ``repr``, which sorts a table on the page."""
    found = set()
    for table in (item for section in built[0] for item in section.items):
        if not isinstance(table, Table):
            continue
        assert len(set(table.columns)) == len(table.columns)
        for row in table.rows:
            assert len(row) == len(table.columns), table.name
            found |= {type(cell) for cell in row}
            assert not any(isinstance(cell, float) and math.isnan(cell) for cell in row)
    assert found == {str, int, float, type(None)}


def test_every_case_is_what_its_attributes_say(built):
    cases = built[1]
    assert len({(case.dataset, case.key) for case in cases}) == len(cases) > 0
    kinds = set()
    for case in cases:
        shape = imread(case.image).shape
        assert len(shape) == 2  # grey
        assert (case.truth is None) == (case.facts['annotated'] == 'normal')
        assert case.predictions.keys() == case.scores.keys()
        for path in (case.truth, *case.predictions.values()):
            kinds.add(path is None)
            if path is not None:
                with Image.open(path) as mask:
                    assert (mask.format, mask.mode, mask.size) == ('PNG', '1', shape[::-1])
        for scores in case.scores.values():
            assert {'dice', 'iou', 'max_probability'} <= scores.keys()
            assert all(0 <= value <= 1 for value in scores.values() if value is not None)
        points = [point for found in case.points.values() for point in found]
        assert all(0 <= x <= 1 and 0 <= y <= 1 and label in (0, 1) for x, y, label in points)
    assert kinds == {True, False}
    assert any(points for case in cases for points in case.points.values())
