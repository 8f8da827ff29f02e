import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.table import read_records, read_table

HEAD = 'image;mask;patient_id;annotated'
BODY = ('p0.png;m0.png;007;lesion', 'p1.png;;008;normal')
PLAIN = [
    {'image': 'p0.png', 'mask': 'm0.png', 'patient_id': '007', 'annotated': 'lesion'},
    {'image': 'p1.png', 'mask': '', 'patient_id': '008', 'annotated': 'normal'},
]
KNOWN = ('image', 'mask', 'patient_id', 'annotated')


@pytest.fixture
def read(tmp_path):
    """Write lines as a spreadsheet would, and read them for a hospital."""

    def read(*lines, encoding='utf-8', end='\r\n', **options):
        path = tmp_path / 'list.csv'
        path.write_bytes(end.join([*lines, '']).encode(encoding))
        options = {'known': KNOWN, 'repeatable': 'mask'} | options
        return read_records(path, ['image'], **options)

    return read


def named(records):
    """The cells that have a heading."""
    return [{name: r.cells[name] for name in r.cells if name} for r in records]


@pytest.mark.parametrize('delimiter', [',', ';', '\t', '|'])
@pytest.mark.parametrize('end', ['\r\n', '\n', '\r'])
def test_delimiters_and_line_ends_are_found(read, delimiter, end):
    lines = (line.replace(';', delimiter) for line in (HEAD, *BODY))
    assert named(read(*lines, end=end)) == PLAIN


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be'])
def test_encodings_that_can_be_told_are_read(read, encoding):
    (record,) = read(HEAD, 'Süd/bør.png;m.png;Ł1;', encoding=encoding)
    assert (record.cells['image'], record.cells['patient_id']) == ('Süd/bør.png', 'Ł1')


@pytest.mark.parametrize('encoding', ['cp1252', 'cp850', 'mac-roman'])
def test_encodings_that_cannot_be_told_are_refused_with_the_line(read, encoding):
    with pytest.raises(DataIndexError, match=r'line 3: letters that are not UTF-8.*CSV UTF-8'):
        read(HEAD, BODY[0], 'Süd/a.png;m.png;1;', encoding=encoding)


@pytest.mark.parametrize(
    ('data', 'kind'),
    [
        (b'PK\x03\x04rest', 'xlsx'),
        (b'\xd0\xcf\x11\xe0rest', 'xls'),
        (b'  <html><table>', 'HTML'),
        (b'\x1f\x8brest', 'gzip'),
        (b'image,mask\na.png,\0\n', 'zero bytes'),
    ],
)
def test_other_files_are_refused_by_their_kind(tmp_path, data, kind):
    (tmp_path / 'list.csv').write_bytes(data)
    with pytest.raises(DataIndexError, match=rf'(?s)not a CSV file.*{kind}.*Save it as CSV UTF-8'):
        read_table(tmp_path / 'list.csv', ['image'])


@pytest.mark.parametrize(
    'lines',
    [
        ('sep=;', HEAD, *BODY),
        ('"sep=;"', HEAD, *BODY),
        ('sep=,', HEAD, *BODY),  # of an earlier life of the file
        ('# exported by PACS, 2024', HEAD, *BODY),
        ('', HEAD, *BODY),
        (HEAD + ';;', *(line + ';;' for line in BODY)),
        ('Image;MASK;Patient ID;\xa0annotated\xa0', *BODY),
        ('\u200bimage;Mask ;patient-id;Annotated', *BODY),
        ('"image";"mask";"patient_id";"annotated"', *BODY),
        (HEAD, 'p0.png\xa0; m0.png;="007";lesion\u200b', BODY[1], '\x1a'),
    ],
)
def test_habits_of_spreadsheets_change_no_cell(read, lines):
    assert named(read(*lines)) == PLAIN


def test_empty_rows_are_skipped_and_numbers_stay_those_of_the_spreadsheet(read):
    records = read('sep=;', HEAD, '', BODY[0], ';;;', ' ;\xa0;;', BODY[1], ';;;')
    assert named(records) == PLAIN
    assert [record.number for record in records] == [3, 6]


@pytest.mark.parametrize('second', ['mask', 'Mask', 'mask2', 'mask_2', 'mask.1', ' mask'])
def test_repeated_masks_are_regions_whatever_the_spreadsheet_calls_them(read, second):
    head = f'image;mask;{second};patient_id'
    records = read(head, 'a.png;m0.png;m1.png;7', 'b.png;;m2.png;7', 'c.png;;;7')
    assert [record.repeated for record in records] == [('m0.png', 'm1.png'), ('m2.png',), ()]
    assert [record.cells['mask'] for record in records] == ['m0.png', 'm2.png', '']


@pytest.mark.parametrize('twice', ['image', 'Image', 'patient_id', 'Patient ID', 'comment'])
def test_other_repeated_columns_are_refused_by_name(read, twice):
    head = f'{HEAD};comment;{twice}'
    with pytest.raises(DataIndexError, match=r'several columns (image|patient_id|comment)\.'):
        read(head, *(f'{line};;x' for line in BODY))


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('p0.png;m0.png;007;lesion;m1.png', "row 2: 'm1.png' stands under no column"),
        ('p0.png;"m0.png;007;lesion', 'row 2: not a row of a CSV file'),
        ('p0.png;"m0"x.png;007;lesion', 'row 2: not a row of a CSV file'),
    ],
)
def test_a_row_that_does_not_fit_its_head_is_refused_with_its_number(read, row, message):
    with pytest.raises(DataIndexError, match=message):
        read(HEAD, row, BODY[1])


def test_values_under_an_empty_heading_are_not_dropped_but_for_the_numbers_of_pandas(read):
    head = 'image;mask;;patient_id'
    with pytest.raises(DataIndexError, match=r"row 2: 'm1\.png' stands under no column"):
        read(head, 'a.png;m0.png;m1.png;7')
    assert named(read(';' + HEAD, *(f'{n};{line}' for n, line in enumerate(BODY)))) == PLAIN


def test_a_row_that_ends_early_says_so(read):
    first, second = read(HEAD, 'p0.png;m0.png', BODY[1])
    assert (first.cut, second.cut) == (True, False)
    assert first.cells['annotated'] == ''


def test_a_newline_in_quotes_belongs_to_its_cell(read):
    first, second = read(HEAD + ';comment', BODY[0] + ';"two\r\nlines"', BODY[1] + ';')
    assert first.cells['comment'] == 'two\r\nlines'
    assert second.number == 3


def test_names_that_are_only_required_are_meant_to_the_letter(tmp_path):
    (tmp_path / 'list.csv').write_text('Image,breast_density,breast density\na,1,2\n')
    with pytest.raises(DataIndexError, match='missing column image; it has Image'):
        read_table(tmp_path / 'list.csv', ['image'])
    assert len(read_table(tmp_path / 'list.csv', ['Image'])[0]) == 3


def test_tables_of_other_programs_are_read(tmp_path):
    path = tmp_path / 'table.csv'
    text = '\ufeffimage ;note\r\n a.png;"two\r\nlines"\r\nb.png;N/A\r\nc.png\r\n'
    path.write_bytes(text.encode())
    notes = ['two\r\nlines', 'N/A', '']
    records = [{'image': f'{n}.png', 'note': note} for n, note in zip('abc', notes, strict=True)]
    assert read_table(path, ['image']) == records


def test_cells_past_the_last_column_are_not_dropped_in_silence(tmp_path):
    path = tmp_path / 'table.csv'
    path.write_text('image,note\na.png,left, upper\n')
    with pytest.raises(DataIndexError, match=r"row 2: 'upper' stands under no column.*quotes"):
        read_table(path, ['image'])


def test_a_table_in_another_encoding_says_how_to_save_it(tmp_path):
    path = tmp_path / 'table.csv'
    path.write_bytes('image\nbör.png\n'.encode('latin-1'))
    with pytest.raises(DataIndexError, match=r'table\.csv.*UTF-8.*Save it as CSV UTF-8'):
        read_table(path, ['image'])


def test_a_missing_table_is_named_without_advice_that_fits_an_index_alone(tmp_path):
    with pytest.raises(
        DataIndexError, match=r'list\.csv: No such file or directory\. Check the path\.$'
    ):
        read_table(tmp_path / 'list.csv', ['image'])
