"""The page opened in a real browser: its numbers, filters, slider, keys, themes and print.

Needs Chromium (Debian: ``apt-get install chromium``), and is skipped without.
"""

import dataclasses
import re

import pytest
from browser import CHROMIUM, Browser, choose
from page_samples import CASES, MODELS, NOTES, SECTIONS, TABLE, make_cases

from mmseg_mammo.reporting.document import Candidate
from mmseg_mammo.reporting.page.page import render_page

no_browser = pytest.mark.skipif(CHROMIUM is None, reason='no chromium on PATH')
pytestmark = [pytest.mark.slow, no_browser]

KEYS = "[...document.querySelectorAll('.open')].map((button) => button.textContent)"
COUNT = "document.getElementById('count').textContent"
OPACITY = "getComputedStyle(document.querySelector('.case .prediction')).fillOpacity"
FOCUS = 'document.activeElement.textContent'
LARGE = "document.getElementById('large').open ? document.getElementById('large-title').textContent : ''"


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp('page')
    page = folder / 'index.html'
    page.write_text(render_page('Report', SECTIONS, make_cases(folder), NOTES), encoding='utf-8')
    return page.as_uri()


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp('profile'))
    yield browser
    browser.close()


@pytest.fixture
def page(browser, address):
    """Open the page with given settings in its address."""
    browser.events.clear()

    def opened(settings: str = '') -> Browser:
        browser.open(address + settings)
        return browser

    yield opened
    assert not [e for e in browser.events if e['method'] == 'Runtime.exceptionThrown']


def keys(*numbers: int) -> list[str]:
    return [f'case_{number:03}' for number in numbers]


def test_the_numbers_on_the_screen_are_those_of_the_table(page):
    values = page().run(
        "[...document.querySelectorAll('#results tbody tr')].map((row) =>"
        "[...row.cells].map((cell) => cell.querySelector('data')?.value ?? null))"
    )
    for shown, row in zip(values, TABLE.rows, strict=True):
        wanted = [None if isinstance(cell, str) else cell for cell in row]
        assert [None if value is None else float(value) for value in shown] == wanted


def test_the_scores_on_the_screen_are_those_of_the_cases(page):
    browser = page('#sort=best&model=U-Net&case=CBIS/case_007')
    values = browser.run(
        "[...document.querySelectorAll('#large-body tbody tr')].map((row) =>"
        '[...row.cells].map((cell) => cell.textContent))'
    )
    assert values == [['U-Net', '7.0 %', '3.5 %', '0.900'], ['SAM & co', '23.0 %', '–', '–']]


def test_nothing_is_asked_of_a_network_and_no_foreign_script_runs(page):
    browser = page('#is.finding=' + 'x')
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'), "
        "{textContent: 'window.hacked = 2'}))"
    )
    assert browser.run('typeof window.hacked') == 'undefined'
    requests = [e for e in browser.events if e['method'] == 'Network.requestWillBeSent']
    assert {re.match(r'\w+', e['params']['request']['url'])[0] for e in requests} <= {
        'file',
        'data',
        'about',
    }


def test_worst_best_and_random_order(page):
    browser = page()
    assert browser.run(KEYS) == keys(*range(24))  # U-Net's scores rise
    browser.run(choose('model', MODELS[1]))
    assert browser.run(KEYS)[:2] == keys(29, 28)  # those of SAM fall
    browser.run(choose('sort', 'best'))
    assert browser.run(KEYS)[:2] == keys(0, 1)
    browser.run(choose('sort', 'random'))
    first = browser.run(KEYS)
    browser.run(choose('seed', '1'))
    second = browser.run(KEYS)
    browser.run(choose('seed', '0'))
    assert browser.run(KEYS) == first != second
    assert len(set(first)) == 24
    assert first != sorted(first)


def test_cases_without_the_score_come_last(page):
    assert page('#score=max_probability&sort=worst').run(KEYS) == keys(*range(24))
    model = MODELS[1].replace(' ', '+').replace('&', '%26')
    assert page(f'#score=iou&sort=best&model={model}').run(KEYS) == keys(*range(24))


def test_filters_combine_and_their_count_is_announced(page):
    browser = page()
    assert browser.run(COUNT) == f'{CASES} of {CASES} cases'
    browser.run(choose('is.view', 'MLO'))
    browser.run(choose('is.annotated', 'normal'))
    assert browser.run(KEYS) == keys(0, 6, 12, 18, 24)
    assert browser.run(COUNT) == f'5 of {CASES} cases'
    assert browser.run("document.getElementById('count').ariaLive") == 'polite'
    browser.run(choose('is.dataset', 'ZGT'))
    assert browser.run(KEYS) == keys(24)
    browser.run("document.querySelector('[type=reset]').click()")
    browser.wait(f"{COUNT} === '{CASES} of {CASES} cases'")


def test_what_is_not_known_can_be_asked_for(page):
    assert page('#is.finding=not+known').run(COUNT) == f'29 of {CASES} cases'


def test_the_address_keeps_the_settings(page):
    browser = page('#model=U-Net&sort=best&is.view=CC&opacity=0.8&hide=U-Net')
    assert browser.run(KEYS)[0] == 'case_029'
    assert browser.run(COUNT) == f'15 of {CASES} cases'
    assert browser.run("document.querySelectorAll('.case:first-child .panel').length") == 3
    browser.run(choose('is.view', 'MLO'))
    settings = browser.run('location.hash')
    page(settings)
    assert browser.run(KEYS)[0] == 'case_028'
    assert browser.run("document.querySelector('[name=opacity]').value") == '0.8'


def test_an_address_with_unknown_settings_falls_back_to_the_defaults(page):
    browser = page('#model=nobody&is.view=oblique&page=99&case=none')
    assert browser.run(COUNT) == f'{CASES} of {CASES} cases'
    assert browser.run("document.querySelector('[name=model]').value") == 'U-Net'


def test_the_slider_sets_the_opacity_by_keyboard(page):
    browser = page()
    assert browser.run(OPACITY) == '0.35'
    browser.run("document.querySelector('[name=opacity]').focus()")
    for _ in range(3):
        browser.press('ArrowRight')
    assert browser.run(OPACITY) == '0.5'


def test_only_the_cases_of_one_page_are_drawn(page):
    browser = page()
    assert browser.run("document.querySelectorAll('.case').length") == 24
    assert browser.run("document.querySelectorAll('#viewer img').length") == 24 * 4
    browser.run("document.getElementById('page-on').click()")
    assert browser.run(KEYS) == keys(*range(24, 30))
    assert browser.run("document.getElementById('page-on').disabled") is True


def test_outlines_and_points_lie_where_they_belong(page):
    browser = page()
    box = (
        "(({x, y, width, height}) => [x, y, width, height])(document.querySelector('%s').getBBox())"
    )
    case = '.case:nth-child(2) '
    assert browser.run(box % (case + 'path.truth:not(.halo, .also)')) == [5, 10, 8, 8]
    assert browser.run(box % (case + 'path.prediction')) == [6, 12, 10, 10]
    assert browser.run(box % (case + 'path.point')) == [16, 10, 0, 0]
    image, layer = (
        browser.run(
            f'(({{x, y, width, height}}) => [x, y, width, height])('
            f"document.querySelector('{case}{tag}').getBoundingClientRect())"
        )
        for tag in ('img', 'svg')
    )
    assert image == layer
    assert image[2] / image[3] == pytest.approx(32 / 40, rel=0.01)


def test_an_empty_prediction_and_a_normal_image_are_said_in_words(page):
    captions = page().run(
        "[...document.querySelectorAll('.case:first-child figcaption')].map((c) => c.textContent)"
    )
    assert captions == [
        'Image',
        'Truthno lesion',
        'U-NetDice 0.0 %IoU 0.0 %',
        'SAM & coDice 30.0 %IoU –empty predictionprompts: 2',
    ]


def test_the_large_view_is_driven_by_keys_and_gives_the_focus_back(page):
    browser = page()
    browser.run("document.querySelectorAll('.open')[22].focus()")
    browser.press('Enter')
    assert browser.run(LARGE) == 'case_022'
    browser.press('ArrowRight')
    browser.press('ArrowRight')
    assert browser.run(LARGE) == 'case_024'  # on the next page of the list
    browser.press('ArrowLeft')
    assert browser.run("document.getElementById('large-place').textContent") == (
        f'case 24 of {CASES}'
    )
    browser.press('ArrowRight')
    browser.press('Escape')
    browser.wait(f"{LARGE} === ''")
    browser.wait(f"{FOCUS} === 'case_024'")
    assert browser.run("document.getElementById('page-place').textContent") == '2 of 2'


def test_the_large_view_keeps_tab_inside_and_stops_at_the_ends(page):
    browser = page('#case=CBIS/case_000')
    browser.press('ArrowLeft')
    assert browser.run(LARGE) == 'case_000'
    for _ in range(8):
        browser.press('Tab')
        inside = (
            '!document.hasFocus() || document.activeElement === document.body || '
            "document.activeElement.closest('dialog') !== null"
        )
        assert browser.run(inside)


def test_every_control_has_a_name_for_screen_readers(page):
    nodes = page().call('Accessibility.getFullAXTree')['nodes']
    controls = ('button', 'combobox', 'slider', 'checkbox', 'spinbutton', 'link', 'dialog', 'table')
    found = [n for n in nodes if n.get('role', {}).get('value') in controls and not n['ignored']]
    assert len(found) > 40
    assert all(node['name']['value'] for node in found)


def test_a_click_on_a_header_sorts_the_table(page):
    browser = page()
    column = (
        "[...document.querySelectorAll('#results tbody tr')].map((r) => r.cells[2].textContent)"
    )
    head = "document.querySelectorAll('#results thead button')[2]"
    original = browser.run(column)
    browser.run(f'{head}.click()')
    assert browser.run(column) == ['\N{MINUS SIGN}1.25', '9.50', '33.18', '–']
    assert browser.run(f'{head}.parentElement.ariaSort') == 'ascending'
    browser.run(f'{head}.click()')
    assert browser.run(column) == ['33.18', '9.50', '\N{MINUS SIGN}1.25', '–']
    browser.run(f'{head}.click()')
    assert browser.run(column) == original


def test_the_theme_follows_the_system_until_it_is_chosen(page):
    browser = page()
    paper = 'getComputedStyle(document.body).backgroundColor'
    seen = []
    for scheme in ('dark', 'light'):
        features = [{'name': 'prefers-color-scheme', 'value': scheme}]
        browser.call('Emulation.setEmulatedMedia', features=features)
        seen.append(browser.run(paper))
    browser.run("document.getElementById('theme').click()")
    assert browser.run(paper) == seen[0] != seen[1]
    browser.call('Emulation.setEmulatedMedia', features=[])


def test_print_shows_tables_and_visible_cases_but_no_controls(page):
    browser = page()
    browser.call('Emulation.setEmulatedMedia', media='print')
    visible = "document.querySelector('%s').checkVisibility()"
    assert browser.run(visible % '#results table')
    assert browser.run(visible % '.case .panels')
    assert not browser.run(visible % '#controls select')
    assert not browser.run(visible % 'nav')
    browser.call('Emulation.setEmulatedMedia', media='')
    assert browser.pdf().startswith(b'%PDF')


def test_a_narrow_window_scrolls_tables_not_the_page(page):
    browser = page()
    browser.resize(400, 800)
    assert browser.run('document.documentElement.scrollWidth') <= 400
    browser.resize(1366, 768)


def test_without_javascript_tables_remain_and_the_viewer_says_what_it_needs(page):
    browser = page()
    browser.call('Emulation.setScriptExecutionDisabled', value=True)
    page()
    text = browser.run('document.body.innerText')
    browser.call('Emulation.setScriptExecutionDisabled', value=False)
    assert 'JavaScript is off' in text
    assert '33.18' in text
    assert 'Models side by side' not in text


def test_crops_of_candidates_are_drawn_and_can_be_hidden(browser, tmp_path):
    crops = ((0.1, -0.2, 0.5, 0.3), (0.4, 0.2, 0.9, 0.8))
    two = tuple(
        Candidate(0.3, 0.2, crop, 0.9 - 0.4 * place, 0.5, kept=not place, found=bool(place))
        for place, crop in enumerate(crops)
    )
    one, other = make_cases(tmp_path, 2)
    cases = [dataclasses.replace(one, candidates={'U-Net': two}), other]
    page = tmp_path / 'index.html'
    page.write_text(render_page('Report', SECTIONS, cases, NOTES), encoding='utf-8')
    browser.open(page.as_uri())

    def shown(place):
        return browser.run(
            f"[...document.querySelectorAll('{place} text.crop')].filter((text) =>"
            "getComputedStyle(text).display !== 'none').map((text) => text.textContent)"
        )

    assert shown('.case') == ['1']  # the kept one
    assert 'candidates: 2, 1 kept' in browser.run("document.querySelector('.case').textContent")
    browser.run("document.querySelector('.open').click()")
    assert sorted(shown('#large-body')) == ['1', '2']
    rows = browser.run(
        "[...document.querySelectorAll('#large-body .candidates tbody tr')].map((row) =>"
        '[...row.cells].map((cell) => cell.textContent))'
    )
    assert rows == [
        ['U-Net', '1', '0.900', '0.500', 'yes', 'no'],
        ['U-Net', '2', '0.500', '0.500', 'no', 'yes'],
    ]
    browser.press('Escape')
    browser.run("document.querySelector('[name=crops]').click()")
    assert shown('.case') == []
    assert 'crops=hide' in browser.run('location.hash')
