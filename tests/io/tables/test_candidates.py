import pytest

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.table import write_table
from mmseg_mammo.io.tables.candidates import COLUMNS, Mined, read_candidates


def row(**cells):
    return {'key': 'a', 'x': 1.5, 'y': 2, 'extent': 9, 'score': 0.5, 'hit': 0, **cells}


def test_candidates_come_back_by_image_best_first(tmp_path):
    file = tmp_path / 'train.csv'
    rows = [row(score=0.25), row(key='b', hit=1), row(hit=True, score=0.75)]
    write_table(file, COLUMNS, rows)
    assert read_candidates(file) == {
        'a': [Mined(1.5, 2.0, 9.0, 0.75, True), Mined(1.5, 2.0, 9.0, 0.25, False)],
        'b': [Mined(1.5, 2.0, 9.0, 0.5, True)],
    }


def test_a_broken_table_is_refused(tmp_path):
    file = tmp_path / 'train.csv'
    write_table(file, COLUMNS, [row(x='left')])
    with pytest.raises(
        DataFileError, match=r"train\.csv: a: .*'left'.*numbers in x, y, extent, score"
    ):
        read_candidates(file)
    write_table(file, COLUMNS[:-1], [])
    with pytest.raises(DataIndexError, match='missing column hit'):
        read_candidates(file)
    with pytest.raises(DataIndexError, match=r'none\.csv'):
        read_candidates(tmp_path / 'none.csv')
