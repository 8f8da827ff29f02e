"""A folder to browse: sheets, table and page; what it may replace."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest
from prepared_sets import write_prepared

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.browse import browse as browse_module
from mmseg_mammo.preparation.browse.browse import browse
from mmseg_mammo.preparation.browse.look import read_items

BLANK = np.zeros((2, 2, 3), np.uint8)


def mirrored(image, mask):
    return image[:, ::-1], mask[:, ::-1]


@pytest.fixture
def items(tmp_path):
    return read_items(write_prepared(tmp_path / 'data', 30, {7: mirrored}) / 'index.csv')


def test_the_suspicious_one_comes_first_in_table_page_and_sheets(items, tmp_path):
    out = tmp_path / 'out'
    found = browse(items, out)
    assert [item.row.image for item, _ in found[:2]] == ['images/07.png', 'images/00.png']
    with (out / 'browse.csv').open(newline='') as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 30
    assert 'mirrored?' in lines[0]['suspicions']
    assert {line['suspicions'] for line in lines[1:]} == {''}
    html = (out / 'index.html').read_text()
    assert '1 of 30 images are suspicious' in html
    assert html.count('<img') == 2
    assert 'http' not in html
    sheet = cv2.imread(str(out / 'sheet_001.png'))
    assert (sheet[..., 2] > sheet[..., 0].astype(int) + 100).any()  # the reason, in words
    assert (sheet == (115, 158, 0)).all(axis=2).any()  # the mask


def test_captions_say_what_is_weak_and_what_nobody_annotated(items, tmp_path, monkeypatch):
    lesion, weak, normal, unread, label = (item.row for item in items[:5])
    rows = (
        lesion,
        replace(weak, mask_kind='weak'),
        replace(normal, annotated='normal', mask='', mask_kind='weak'),
        replace(unread, annotated='no', mask=''),
        replace(label, mask='', mask_kind='image-label'),
    )
    tiles = []
    monkeypatch.setattr(
        browse_module, 'draw_sheet', lambda shown, columns: tiles.extend(shown) or BLANK
    )
    browse(
        [replace(item, row=row) for item, row in zip(items, rows, strict=False)], tmp_path / 'out'
    )
    words = {tile.lines[0]: tile.lines[1].split('train ')[1].rsplit(' ', 1)[0] for tile in tiles}
    assert words == {
        '00.png': 'lesion',
        '01.png': 'lesion (weak)',
        '02.png': 'normal',
        '03.png': 'not annotated',
        '04.png': 'lesion (no mask)',
    }


def test_so_many_are_shown_and_an_earlier_folder_is_replaced(items, tmp_path):
    out = tmp_path / 'out'
    browse(items, out, most=0)
    assert len([*out.glob('sheet_*.png')]) == 2
    browse(items, out, most=10)
    assert len([*out.glob('sheet_*.png')]) == 1
    assert 'the sheets have 10' in (out / 'index.html').read_text()


def test_a_folder_of_something_else_stays(items, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'thesis.txt').write_text('')
    with pytest.raises(MammoError, match=r'not empty, and not made by mammoseg browse'):
        browse(items, tmp_path / 'out')


def test_an_image_that_cannot_be_read_has_a_grey_tile(items, tmp_path):
    (items[3].folder / items[3].row.image).write_bytes(b'')
    (first, reasons), *_ = browse(items, tmp_path / 'out')
    assert first == items[3]
    assert '03.png' in reasons[0].text
    sheet = cv2.imread(str(tmp_path / 'out' / 'sheet_001.png'))
    assert np.array_equal(np.unique(sheet[20:200, 20:200]), [128])


def test_names_of_files_run_nothing_in_the_page(tmp_path):
    def turn(item):
        return item

    folder = write_prepared(tmp_path / 'data', 2)
    index = folder / 'index.csv'
    index.write_text(index.read_text().replace('images/00.png', 'images/<script>.png'))
    browse([turn(item) for item in read_items(index)], tmp_path / 'out')
    html = (tmp_path / 'out' / 'index.html').read_text()
    assert '<script' not in html
    assert '&lt;script&gt;.png' in html
