"""Workbooks, as Excel writes them."""

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.table import read_records
from mmseg_mammo.io.tables.workbook import is_workbook, read_sheet


@pytest.fixture
def book(tmp_path):
    """Write a workbook of sheets, and let a function change it first."""

    def book(change=None, **sheets):
        written = openpyxl.Workbook()
        written.remove(written.active)
        for title, rows in sheets.items():
            sheet = written.create_sheet(title)
            for row in rows:
                sheet.append(row)
        if change:
            change(written)
        written.save(tmp_path / 'list.xlsx')
        return tmp_path / 'list.xlsx'

    return book


def cells(path, sheet=''):
    return [row for _, row in read_sheet(path, path.read_bytes(), sheet)]


def test_cells_become_the_text_that_a_reader_sees(book):
    values = [7, 7.0, 0.07, 'N/A', True, date(2024, 5, 1), datetime(2024, 5, 1, 9, 30), ' a ', None]
    path = book(a=[values])
    shown = ['7', '7', '0.07', 'N/A', 'TRUE', '2024-05-01', '2024-05-01T09:30:00', 'a']
    assert cells(path) == [shown]  # Excel knows no column without a value


def test_leading_zeros_of_a_number_format_are_part_of_an_identifier(book):
    def zeros(written):
        for cell in written['a'][1]:
            cell.number_format = '00000'
        written['a']['B1'].number_format = '00000;@'

    assert cells(book(zeros, a=[[7, 7.0, 123456]])) == [['00007', '00007', '123456']]


def test_digits_that_excel_has_lost_are_not_made_up(book):
    path = book(a=[['image', 'patient_id'], ['a.png', 123456789012345678]])
    (record,) = read_records(path, ['image'])
    assert record.cells['patient_id'] == '1.23456789012346E+17'


def test_rows_keep_the_numbers_of_the_spreadsheet(book):
    path = book(a=[['# of PACS'], [], ['image', 'view'], [], ['a.png', '#1'], ['#b.png', None]])
    records = read_records(path, ['image'])
    assert [(r.number, r.cells) for r in records] == [
        (5, {'image': 'a.png', 'view': '#1'}),
        (6, {'image': '#b.png', 'view': ''}),
    ]


def test_the_only_sheet_with_values_is_taken_and_of_several_one_is_chosen(book):
    assert cells(book(empty=[], full=[['image']])) == [['image']]
    path = book(left=[['image']], right=[['mask']])
    with pytest.raises(
        DataIndexError, match=r'2 sheets with values. Allowed: left, right.*--sheet'
    ):
        cells(path)
    assert cells(path, 'right') == [['mask']]
    with pytest.raises(DataIndexError, match=r"no sheet 'Left'\. Allowed: left, right"):
        cells(path, 'Left')
    with pytest.raises(DataIndexError, match='0 sheets with values'):
        cells(book(a=[]))


def test_what_a_cell_does_not_hold_is_refused(book):
    with pytest.raises(DataIndexError, match=r'sheet a: the formula in A2 has no result.*save it'):
        cells(book(a=[['image'], ['=B2&".png"']]))
    with pytest.raises(DataIndexError, match=r'sheet a: cells A2:A3 are merged.*Undo'):
        cells(book(lambda w: w['a'].merge_cells('A2:A3'), a=[['image'], ['a.png'], [None]]))


def test_a_formula_with_its_result_is_read(book, tmp_path):
    """Excel stores both; openpyxl writes the formula alone."""
    path, whole = book(a=[['image'], ['="a"&".png"']]), tmp_path / 'whole.xlsx'
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(whole, 'w') as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith('sheet1.xml'):
                data = data.replace(b'<v />', b'<v>a.png</v>').replace(b'<v></v>', b'<v>a.png</v>')
                data = data.replace(b'r="A2"', b'r="A2" t="str"')
            new.writestr(name, data)
    assert cells(whole) == [['image'], ['a.png']]


def test_other_files_are_no_workbooks(tmp_path, book):
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('a.txt', 'a')
    assert not is_workbook(path.read_bytes())
    assert not is_workbook(b'image,mask\n')
    assert is_workbook(book(a=[['image']]).read_bytes())
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('xl/workbook.xml', 'not XML')
    with pytest.raises(DataIndexError, match=r'a\.zip: not a readable workbook \(.*CSV UTF-8'):
        cells(path)


def test_a_sheet_of_a_csv_file_is_refused():
    table = Path(__file__).parents[2] / 'conftest.py'
    with pytest.raises(DataIndexError, match=r"no workbook with a sheet 'a'"):
        read_records(table, [], sheet='a')
