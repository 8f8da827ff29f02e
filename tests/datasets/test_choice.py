from types import SimpleNamespace

from mmseg_mammo.datasets.choice import choose_rows


def test_filters_are_applied_one_after_another_and_counted():
    rows = [SimpleNamespace(view=view, split=split) for view, split in ('aa', 'ab', 'bb', 'cc')]
    filters = {
        'views': lambda row: row.view != 'c',
        'nothing': lambda row: True,
        'splits': lambda row: row.split != 'b',
    }
    kept, counts, lines = choose_rows(rows, filters)
    assert kept == rows[:1]
    assert counts == (1, 0, 2)
    assert lines == ['views leaves out 1 of 4', 'splits leaves out 2 of 3']
