import json
import runpy
import subprocess
import sys
from html import escape
from pathlib import Path

import numpy as np
import pytest
from runs import DATASETS, make_rows, make_runs, make_test, predict

from mmseg_mammo.errors import MammoError
from mmseg_mammo.reporting.document import Section, Table
from mmseg_mammo.reporting.page.page import render_page
from mmseg_mammo.reporting.report import MANIFEST, TITLE, build, files, write
from mmseg_mammo.reporting.runs import find_runs

TOOL = Path(__file__).parents[2] / 'tools' / 'report.py'
TABLE = Table('a', 'A', ('x',), ((1,),))
SECTION = Section('s', 'S', (), (TABLE,))


def write_report(out, page='page'):
    write(out, files([SECTION], page))


def test_a_report_is_a_page_and_every_table_as_csv_markdown_and_latex(tmp_path):
    write_report(tmp_path / 'out')
    names = {path.name for path in (tmp_path / 'out').rglob('*') if path.is_file()}
    assert names == {'index.html', 'a.csv', 'a.md', 'a.tex', MANIFEST}
    assert (tmp_path / 'out' / 'tables' / 'a.csv').read_text() == 'x\n1\n'


def test_an_older_report_is_replaced(tmp_path):
    write_report(tmp_path / 'out', 'old')
    write_report(tmp_path / 'out', 'new')
    assert (tmp_path / 'out' / 'index.html').read_text() == 'new'
    assert [path.name for path in tmp_path.iterdir()] == ['out']


def test_an_empty_folder_becomes_a_report(tmp_path):
    write_report(tmp_path)
    assert (tmp_path / 'index.html').is_file()


def test_a_file_of_the_user_is_never_overwritten(tmp_path):
    (tmp_path / 'thesis.docx').write_text('years of work')
    with pytest.raises(MammoError, match=r'thesis\.docx'):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.docx']


def test_a_file_beside_an_older_report_is_never_deleted(tmp_path):
    write_report(tmp_path / 'out')
    (tmp_path / 'out' / 'tables' / 'mine.csv').write_text('1')
    with pytest.raises(MammoError, match=r'mine\.csv'):
        write_report(tmp_path / 'out')


def test_a_changed_file_of_an_older_report_is_never_deleted(tmp_path):
    write_report(tmp_path / 'out')
    (tmp_path / 'out' / 'tables' / 'a.csv').write_text('x\n1\nmy notes\n')
    with pytest.raises(MammoError, match='was changed'):
        write_report(tmp_path / 'out')


def test_a_failure_leaves_the_older_report_as_it_is(tmp_path):
    write_report(tmp_path / 'out', 'old')

    def broken():
        yield 'index.html', b'new'
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(tmp_path / 'out', broken())
    assert (tmp_path / 'out' / 'index.html').read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['out']


def test_every_table_and_figure_is_on_the_page_and_in_files_of_its_own(built):
    sections, cases, notes = built
    page = render_page(TITLE, sections, cases, notes)
    written = dict(files(sections, page))
    assert written['index.html'].decode() == page
    for item in (item for section in sections for item in section.items):
        folder, ends = ('tables', ('csv', 'md', 'tex'))
        if not isinstance(item, Table):
            folder, ends = 'figures', ('png', 'svg')
        assert {f'{folder}/{item.name}.{end}' for end in ends} <= written.keys()
        assert escape(item.title) in page


def here(monkeypatch, *arguments):
    """Run the tool in this process; what it says where it refuses, and its exit status."""
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    try:
        runpy.run_path(str(TOOL), run_name='__main__')
    except SystemExit as stopped:
        return f'{stopped}\n', 1
    return '', 0


def alone(monkeypatch, *arguments):
    """The same in a process of its own, which has no torch."""
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    return done.stderr, done.returncode


in_both = pytest.mark.parametrize('run', [here, pytest.param(alone, marks=pytest.mark.slow)])


def test_images_left_out_since_nobody_annotated_them_are_counted_where_the_data_is(tmp_path):
    tested = predict(make_rows('ours', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    data = {'type': 'MammographyDataset', 'data_root': 'data/ours', 'split': 'test'}
    for model, left_out in (('unet', {'left_out': {'not_annotated': 50}}), ('old', {})):
        folder = tmp_path / model / '20260102_000000'
        make_test(folder, model, 'ours', tested, data={'test': data | left_out})
    tables = {item.name: item for part in build(find_runs([tmp_path]))[0] for item in part.items}
    place = tables['runs'].columns.index('not annotated')
    assert {row[0]: row[place] for row in tables['runs'].rows} == {'unet': 50, 'old': None}
    said = 'ours: 50 more images, which nobody annotated, were left out.'
    assert said in tables['results_ours'].notes


@in_both
def test_the_tool_makes_a_report_from_run_folders_alone(run, tmp_path, monkeypatch):
    made = make_runs(tmp_path / 'runs', ['unet'], 8, datasets={'zgt': DATASETS['zgt']})
    named = ['--name', f'{made / "unet_cbis"}=U-Net <b>']
    assert run(monkeypatch, made, '--out', tmp_path / 'out', *named)[1] == 0
    page = (tmp_path / 'out' / 'index.html').read_text()
    assert 'Not a medical device' in page
    assert 'U-Net &lt;b&gt;' in page
    assert 'U-Net <b>' not in page
    manifest = json.loads((tmp_path / 'out' / MANIFEST).read_text())['files']
    assert {'tables/results_zgt.csv', 'figures/figure6_zgt.png'} <= manifest.keys()


@in_both
def test_the_tool_says_in_one_line_what_is_wrong(run, tmp_path, monkeypatch):
    said, status = run(monkeypatch, tmp_path, '--out', tmp_path / 'out')
    assert status == 1
    assert said.startswith('report.py: ')
    assert said.count('\n') == 1
