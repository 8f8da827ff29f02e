import csv
import io
import shutil
import subprocess

import pytest

from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.tables import texts, to_csv, to_latex, to_markdown

TABLE = Table(
    name='a',
    title='Scores & more',
    columns=('model', 'Dice %', 'n'),
    rows=(('U-Net_1', 9.1, 3), ('a|b, "c"', 12.25, None), ('x', None, 12)),
    notes=('50 % of_all',),
)


def test_a_column_has_as_many_digits_as_its_longest_number():
    assert texts(TABLE) == (('U-Net_1', '9.10', '3'), ('a|b, "c"', '12.25', '–'), ('x', '–', '12'))


def test_csv_comes_back_as_it_was_and_a_gap_is_empty():
    lines = list(csv.reader(io.StringIO(to_csv(TABLE))))
    assert lines == [
        ['model', 'Dice %', 'n'],
        ['U-Net_1', '9.10', '3'],
        ['a|b, "c"', '12.25', ''],
        ['x', '', '12'],
    ]


def test_markdown_has_one_cell_per_column_whatever_is_in_it():
    lines = [line for line in to_markdown(TABLE).splitlines() if line.startswith('|')]
    assert [line.replace(r'\|', '').count('|') for line in lines] == [4] * 5
    assert lines[1] == '| --- | ---: | ---: |'


def test_latex_escapes_its_own_signs():
    text = to_latex(TABLE)
    assert r'Scores \& more' in text
    assert r'U-Net\_1 & 9.10 & 3 \\' in text
    assert r'50 \% of\_all' in text
    assert r'\begin{tabular}{lrr}' in text


@pytest.mark.skipif(not shutil.which('pdflatex'), reason='needs pdflatex on PATH')
def test_latex_compiles(tmp_path):
    page = r'\documentclass{article}\begin{document}' + to_latex(TABLE) + r'\end{document}'
    (tmp_path / 'a.tex').write_text(page)
    subprocess.run(['pdflatex', '-halt-on-error', 'a.tex'], cwd=tmp_path, check=True, timeout=60)


def test_a_table_without_rows_still_has_its_header():
    empty = Table('a', 'A', ('x', 'y'), ())
    assert to_csv(empty) == 'x,y\n'
    assert '| x | y |' in to_markdown(empty)
    assert r'\begin{tabular}{ll}' in to_latex(empty)
