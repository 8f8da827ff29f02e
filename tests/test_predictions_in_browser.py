"""The page of predictions opened in a real browser: order, filters, links, and hostile names.

Needs Chromium (Debian: ``apt-get install chromium``), and is skipped without.
"""

import re

import pytest
from browser import CHROMIUM, Browser, choose
from prediction_folders import HOSTILE, LONG, image_line, make_predictions

from mmseg_mammo.reporting.predictions import write_prediction_page

no_browser = pytest.mark.skipif(CHROMIUM is None, reason='no chromium on PATH')
pytestmark = [pytest.mark.slow, no_browser]

KEYS = "[...document.querySelectorAll('.open')].map((button) => button.textContent)"
FIRST = "document.querySelector('.case:first-child')"


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp('profile'))
    yield browser
    browser.close()


@pytest.fixture
def page(browser, tmp_path):
    images = [image_line(number, number / 40, number % 3) for number in range(30)]
    images[29] |= {'image': HOSTILE, 'patient_id': HOSTILE}
    images[28] |= {'image': LONG, 'key': "k'<i>#1"}
    images[27] |= {'score': ''}
    address = write_prediction_page(make_predictions(tmp_path, images, [(HOSTILE, LONG)])).as_uri()
    browser.events.clear()
    browser.open(address)
    browser.wait("document.querySelectorAll('.case').length === 24")
    yield browser
    assert not [e for e in browser.events if e['method'] == 'Runtime.exceptionThrown']
    assert browser.run('typeof window.hacked') == 'undefined'


def test_images_come_from_the_highest_score_down_and_can_be_turned_round(page):
    assert page.run(KEYS)[:3] == ['in_0029', "k'<i>#1", 'in_0026']
    page.run(choose('sort', 'worst'))
    assert page.run(KEYS)[:2] == ['in_0000', 'in_0001']


def test_an_image_has_two_panels_and_its_numbers_in_words(page):
    names = f"[...{FIRST}.querySelectorAll('figcaption > *')].map((each) => each.textContent)"
    words = ['highest probability 0.725', '2 regions']
    assert page.run(names) == ['Image', 'unet_cbis', *words]
    assert page.run("document.querySelectorAll('.truth, .truth-key').length") == 0


def test_filters_choose(page):
    page.run(choose('is.view', 'CC'))
    assert page.run("document.getElementById('count').textContent") == '15 of 30 cases'


def test_the_large_view_has_the_numbers_of_the_image(page):
    page.run(f"{FIRST}.querySelector('.open').click()")
    cells = "[...document.querySelectorAll('#large-body td')].map((cell) => cell.textContent)"
    assert page.run(cells) == ['0.725', '2', '200', '3.0']
    page.press('ArrowRight')
    assert page.run("document.getElementById('large-title').textContent") == "k'<i>#1"
    assert page.run(cells) == ['0.700', '1', '100', '–']


def test_links_open_the_files_whatever_their_names(page):
    link = page.run("document.querySelectorAll('.case')[1].querySelector('.facts a').href")
    page.open(link)
    assert page.run("document.images[0].naturalWidth + ' ' + document.images.length") == '32 1'


@pytest.mark.parametrize('width', [400, 1366])
def test_no_name_is_wider_than_the_window(page, width):
    page.resize(width, 800)
    assert page.run('document.documentElement.scrollWidth') <= width


def test_nothing_is_asked_of_a_network(page):
    requests = [e for e in page.events if e['method'] == 'Network.requestWillBeSent']
    schemes = {re.match(r'\w+', e['params']['request']['url'])[0] for e in requests}
    assert schemes <= {'file', 'data', 'about'}
