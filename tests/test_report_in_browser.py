"""A report of tools/report.py opened in a real browser, and held against its own CSV files.

The report is made of the fixtures' runs, or is the folder of the variable REPORT:

REPORT=demo/report python -m pytest -n 0 tests/test_report_in_browser.py
"""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser, choose
from runs import DATASETS, make_runs

no_browser = pytest.mark.skipif(CHROMIUM is None, reason='no chromium on PATH')
pytestmark = [pytest.mark.slow, no_browser]

TOOL = Path(__file__).parents[1] / 'tools' / 'report.py'
TABLES = """[...document.querySelectorAll('#report table')].map((table) =>
  [...table.rows].map((row) => [...row.cells].map((cell) => {
    const badges = [...cell.querySelectorAll('.badge')].map((badge) => badge.textContent);
    return badges.length ? badges.join('; ') : cell.textContent.trim();
  })))"""
COUNT = "Number(document.getElementById('count').textContent.split(' ')[0])"
FILTERS = """[...document.querySelectorAll('#controls select[name^="is."]')].map((field) =>
  [field.name, [...field.options].map((option) => option.value).filter(Boolean)])"""
OPACITY = "Number(getComputedStyle(document.querySelector('.case .prediction')).fillOpacity)"


@pytest.fixture(scope='module')
def report(made, tmp_path_factory):
    if os.environ.get('REPORT'):
        return Path(os.environ['REPORT']).resolve()
    out = tmp_path_factory.mktemp('report') / 'out'
    subprocess.run([sys.executable, str(TOOL), str(made), '--out', str(out)], check=True)
    return out


@pytest.fixture(scope='module')
def page(report, tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp('profile'))
    browser.open((report / 'index.html').as_uri())
    yield browser
    browser.close()


def test_every_table_on_the_screen_is_that_of_its_csv(page, report):
    written = []
    for path in (report / 'tables').glob('*.csv'):
        with path.open(newline='', encoding='utf-8') as stream:
            written.append([[' '.join(cell.split()) for cell in row] for row in csv.reader(stream)])
    shown = [
        [
            ['' if text == '–' else text.replace('\N{MINUS SIGN}', '-') for text in row]
            for row in rows
        ]
        for rows in page.run(TABLES)
    ]
    assert len(shown) > 10
    assert sorted(shown) == sorted(written)


def test_every_filter_shows_as_many_cases_as_fit(page):
    whole = page.run(COUNT)
    assert whole > 0
    filters = page.run(FILTERS)
    assert {'is.dataset', 'is.annotated'} <= {name for name, _ in filters}
    for name, values in filters:
        found = []
        for value in values:
            page.run(choose(name, value))
            found.append(page.run(COUNT))
        page.run(choose(name, ''))
        assert sum(found) == whole, name
        assert len(values) == 1 or max(found) < whole, name
    assert page.run(COUNT) == whole


def test_the_slider_changes_the_opacity(page):
    page.run(choose('is.annotated', 'lesion'))
    page.run(choose('score', 'max_probability'))
    page.run(choose('sort', 'best'))  # first what is not empty
    before = page.run(OPACITY)
    page.run("document.querySelector('[name=opacity]').focus()")
    page.press('ArrowRight')
    assert page.run(OPACITY) == pytest.approx(before + 0.05)


def test_no_table_is_cut_off_in_print(page):
    # A4 with margins of 12 mm in CSS pixels; tables of many columns have a landscape page.
    portrait, landscape = 703, 1031
    page.call('Emulation.setEmulatedMedia', media='print')
    page.resize(portrait, 1000)
    found = page.run("""[...document.querySelectorAll('#report table')].map((table) =>
      [table.caption.textContent, table.offsetWidth, table.closest('.wide') !== null])""")
    page.resize(1366, 768)
    page.call('Emulation.setEmulatedMedia', media='')
    assert {wide for *_, wide in found} == {True, False}
    assert not [each for each in found if each[1] > (landscape if each[2] else portrait)]


def test_nothing_failed_and_nothing_was_asked_of_a_network(page):
    assert not [e for e in page.events if e['method'] == 'Runtime.exceptionThrown']
    requests = [e for e in page.events if e['method'] == 'Network.requestWillBeSent']
    assert requests
    assert all(
        e['params']['request']['url'].startswith(('file:', 'data:', 'about:')) for e in requests
    )


def test_a_thousand_images_and_five_models_stay_usable(tmp_path):
    models = ('unet', 'setr_pup_scratch', 'setr_pup_finetune', 'setr_pup_vpt', 'sam_finetune')
    runs = make_runs(tmp_path / 'runs', models, 1000, datasets={'zgt': DATASETS['zgt']})
    out = tmp_path / 'out'
    subprocess.run([sys.executable, str(TOOL), str(runs), '--out', str(out)], check=True)
    browser = Browser(tmp_path / 'profile')
    browser.open((out / 'index.html').as_uri())
    assert browser.run(COUNT) == 1000
    assert browser.run("document.querySelectorAll('#viewer .case').length") == 24
    browser.run(choose('is.view', 'MLO'))
    assert browser.run(COUNT) == 500
    browser.run("document.querySelector('.open').click()")
    assert browser.run("document.querySelectorAll('#large .panel').length") == 2 + len(models)
    browser.close()
