"""The page as text: what it says, how numbers are written, and that nothing in it runs."""

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest
from page_samples import FIGURE, HOSTILE, NOTES, SECTIONS, TABLE, make_cases

from mmseg_mammo.reporting.page.page import add_breaks, data_uri, lay_out, render_page, split_badge
from mmseg_mammo.reporting.tables import to_csv


class Reader(HTMLParser):
    """Collects tags, the text of cells, and what the scripts hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.rows: list[list[tuple[str, str | None]]] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        self._open.append(tag)
        if tag == 'tr':
            self.rows.append([])
        elif tag in ('td', 'th'):
            self.rows[-1].append(('', None))
        elif tag == 'data':
            self.rows[-1][-1] = ('', values['value'])
        elif tag == 'script':
            self.scripts.append('')

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, text):
        if 'script' in self._open:
            self.scripts[-1] += text
        elif {'td', 'th'} & set(self._open):
            shown, value = self.rows[-1][-1]
            self.rows[-1][-1] = (shown + text, value)

    def having(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_the_legend_and_the_setting_of_candidates_are_there_where_there_are_some(tmp_path):
    cases = make_cases(tmp_path, 2)
    staged = [dataclasses.replace(case, candidates={'U-Net': ()}) for case in cases]
    plain, other = (render_page('R', SECTIONS, each, NOTES) for each in (cases, staged))
    for text in ('class="key crop-key"', 'name="crops"'):
        assert text not in plain
        assert text in other


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    cases = make_cases(tmp_path_factory.mktemp('cases'), 12)
    return render_page('Report <1>', SECTIONS, cases, NOTES)


@pytest.fixture(scope='module')
def reader(page):
    return Reader(page)


def test_the_cells_of_the_page_are_the_cells_of_the_table(reader):
    assert [text for text, _ in reader.rows[0]] == list(TABLE.columns)
    for cells, row in zip(reader.rows[1:5], TABLE.rows, strict=True):
        for (text, value), wanted in zip(cells, row, strict=True):
            if isinstance(wanted, str):
                assert (' '.join(text.split()), value) == (wanted.replace('; ', ' '), None)
            elif wanted is None:
                assert (text, value) == ('–', None)
            else:
                assert float(value) == wanted


def test_the_digits_of_the_page_are_those_of_the_csv(reader):
    lines = list(csv.reader(to_csv(TABLE).splitlines()))
    shown = [
        [text.replace('\N{MINUS SIGN}', '-') if value else text for text, value in row]
        for row in reader.rows[: len(lines)]
    ]
    assert shown[0] == lines[0]
    for cells, line in zip(shown[1:], lines[1:], strict=True):
        assert ['' if text == '–' else text.strip() for text in cells[:4]] == line[:4]
    assert shown[1][2:4] == ['33.18', '0.50000']


def test_marks_are_badges(page):
    assert '<span class="badge">weak masks</span> <span class="badge">prompts from' in page


def test_intervals_are_set_like_numbers_and_names_are_not():
    assert [cell['number'] for cell in lay_out(TABLE)[0]] == [False, True, True, True, True, False]


def test_foreign_text_stays_text(page, reader):
    assert len(reader.scripts) == 2  # ours: the data and the program
    assert not any('hacked' in script for script in reader.scripts[1:])
    assert all(source.get('src', 'data:').startswith('data:') for source in reader.having('img'))
    assert '<title>Report &lt;1&gt;</title>' in page
    assert page.count('window.hacked') >= 3


def test_the_data_of_the_viewer_survive_their_escaping(reader):
    data = json.loads(reader.scripts[0])
    assert len(data['cases']) == 12
    assert data['cases'][1]['facts']['finding'] == HOSTILE
    assert not re.search('[<>]', reader.scripts[0])


def test_the_page_names_no_address_of_a_network(page):
    addresses = set(re.findall(r'(?:https?:)?//[\w.-]+\.\w+', page))
    assert addresses == {'http://www.w3.org'}  # the name space of SVG, never fetched
    assert not re.search(r'@import|url\(', page)


def test_tables_have_captions_and_headers_and_figures_say_what_they_show(reader):
    scopes = [head['scope'] for head in reader.having('th')]
    assert scopes == ['col'] * len(TABLE.columns) + ['row'] * len(TABLE.rows)
    captions = {caption['id'] for caption in reader.having('caption')}
    regions = [div for div in reader.having('div') if div.get('class') == 'scroll']
    assert {region['aria-labelledby'] for region in regions} == captions
    assert [image['alt'] for image in reader.having('img')] == [FIGURE.alt]


def test_every_link_has_its_target_and_no_id_is_there_twice(reader):
    ids = [attributes['id'] for _, attributes in reader.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    targets = {link['href'].removeprefix('#') for link in reader.having('a')}
    assert {'results', 'more', 'viewer'} <= targets <= set(ids)


def test_what_must_be_known_comes_first_and_warnings_are_words(page):
    notes, sections = page.index('class="notes"'), page.index('id="results"')
    assert notes < page.index('Not a medical device</strong> Do not treat.') < sections
    assert '<strong>Warning</strong> only 4 images' in page


def test_a_short_beginning_of_a_note_is_its_badge():
    assert split_badge('Weak masks: boxes.') == ('Weak masks', 'boxes.')
    assert split_badge('No mark at all') == ('', 'No mark at all')
    assert split_badge('Not a medical device.') == ('Not a medical device', '')
    assert split_badge('CAD 2.1: 9 images. All.') == ('CAD 2.1', '9 images. All.')
    long = 'What stands here is longer than any badge should be: it is text'
    assert split_badge(long) == ('', long)


def test_a_path_may_break_at_its_separators_and_stays_escaped():
    assert add_breaks('work/a_b<i>') == 'work/<wbr>a_<wbr>b&lt;i&gt;'


def test_a_figure_made_of_photographs_is_shown_as_png():
    heavy = dataclasses.replace(FIGURE, svg=f'<svg>{" " * 500_000}</svg>')
    assert data_uri(FIGURE).startswith('data:image/svg+xml;base64,')
    assert data_uri(heavy) == 'data:image/png;base64,iVBORw=='


def test_without_cases_there_is_no_viewer():
    page = render_page('Report', SECTIONS, (), ())
    assert 'id="viewer"' not in page
    assert len(Reader(page).scripts) == 1


def test_without_javascript_the_page_says_what_is_missing(page):
    assert 'JavaScript is off' in page[page.index('<noscript>') : page.index('</noscript>')]
    assert 'id="viewer-body" hidden' in page
