import unicodedata

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Gaps
from mmseg_mammo.preparation.hospital.spelling import parse_values
from mmseg_mammo.preparation.hospital.table import Reading, read_hospital_table

ZERO = np.zeros((8, 6), np.uint8)


@pytest.fixture
def read(tmp_path):
    """Write a table beside the files a.png, b.png and m.png, and read it."""
    for name in ('a.png', 'b.png', 'm.png'):
        write_png(tmp_path / name, ZERO)

    def read(text, columns=None, fixed=None, reading=None, **gaps):
        table = tmp_path / 'table.csv'
        table.write_text(text)
        gaps = Gaps(**gaps)
        return read_hospital_table(table, tmp_path, columns or {}, fixed or {}, gaps, reading)

    return read


def only_problem(found):
    entries, problems = found
    assert not entries
    assert len(problems) == 1
    return str(problems[0])


def test_spellings_are_mapped_to_ours(read):
    header = 'image,mask,patient_id,laterality,view,split,finding,pathology,density,annotated\n'
    (entry,), problems = read(header + './a.png,m.png,7,l,mlo,Training,Mass,B+Malignant,C,\n')
    assert not problems
    assert (entry.place, entry.relative, entry.patient_id) == ('row 2', 'a.png', '7')
    assert (entry.laterality, entry.view, entry.split) == ('LEFT', 'MLO', 'train')
    assert (entry.finding, entry.pathology) == ('mass', 'benign+malignant')
    assert (entry.density, entry.annotated) == ('C', '')


@pytest.mark.parametrize('column', ['laterality', 'view', 'split', 'pathology', 'annotated'])
def test_unknown_spellings_are_bad_rows(read, column):
    problem = only_problem(read(f'image,mask,patient_id,{column}\na.png,m.png,7,odd\n'))
    assert problem.startswith(f"row 2: {column} 'odd'. Allowed: ")


def test_columns_can_be_mapped_and_set(read):
    text = 'file_name;lesion;anon\na.png;m.png;7\n'
    columns = {'image': 'file_name', 'mask': 'lesion', 'patient_id': 'anon'}
    (entry,), _ = read(text, columns, {'split': 'val', 'finding': 'mass'})
    assert (entry.patient_id, entry.split, entry.finding) == ('7', 'val', 'mass')
    with pytest.raises(MammoError, match=r'missing column file; .*--column image=<yours>'):
        read(text, {'image': 'file'})
    with pytest.raises(MammoError, match=r"Column 'picture'. Allowed: image, mask"):
        read(text, {'picture': 'file_name'})
    with pytest.raises(MammoError, match=r"Column 'source'.* the whole folder: --source"):
        read(text, {'image': 'file_name'}, {'source': 'ours'})
    with pytest.raises(MammoError, match=r'--column finding= names no column of yours'):
        read(text, {'image': 'file_name', 'finding': ''})


def test_a_column_that_is_not_there_is_never_listed_as_allowed(read):
    with pytest.raises(MammoError, match=r'missing column fil_name; it has file_name, anon') as e:
        read('file_name,anon\na.png,7\n', {'image': 'fil_name', 'patient_id': 'anon'})
    assert 'Allowed' not in str(e.value)


def test_words_of_another_language_are_what_the_user_says(read):
    words = [['annotated', 'ja=lesion', 'nee=normal', '?=no'], ['mask', 'geen=']]
    words += [['laterality', 'links=LEFT', 'rechts=RIGHT'], ['finding', 'geen afwijking=normal']]
    reading = Reading(parse_values(words, COLUMNS))
    header = 'bestand;masker;patient_id;zijde;afwijking;finding\n'
    rows = 'a.png;m.png;7;Links;Ja;massa\na.png;geen;7;rechts;nee;geen afwijking\nb.png;;7;;?;\n'
    names = {'image': 'bestand', 'mask': 'masker', 'laterality': 'zijde', 'annotated': 'afwijking'}
    entries, problems = read(header + rows, names, {}, reading)
    assert not problems
    told = [(e.mask and e.mask.name, e.laterality, e.annotated, e.finding) for e in entries]
    assert told == [
        ('m.png', 'LEFT', 'lesion', 'massa'),
        (None, 'RIGHT', 'normal', 'normal'),
        (None, '', 'no', ''),
    ]
    problem = str(read(header + rows, names)[1][0])
    assert problem.startswith(
        "row 2: annotated 'Ja'. Allowed: lesion, normal, no. Correct the cell"
    )
    assert '--value annotated THEIRS=OURS' in problem


def test_words_of_no_row_are_noted_and_those_of_no_column_stop(read):
    words = [['mask', 'geen=', 'niets='], ['finding', 'massa=mass']]
    text = 'image,mask,mask2,patient_id,finding\na.png,m.png,geen,7,massa+kalk\n'
    reading = Reading(parse_values(words, COLUMNS))
    read(text, {}, {}, reading)
    assert reading.notes == ["--value mask: no row says 'niets'"]
    reading = Reading(parse_values([['annotated', 'ja=lesion']], COLUMNS))
    with pytest.raises(MammoError, match=r'missing column annotated.*annotated=<yours>'):
        read(text, {}, {}, reading)


def test_what_findings_mean_is_known_before_an_empty_cell_is_called_normal(read):
    text = 'image,mask,patient_id,finding\na.png,,7,goed\n'
    assert "finding is 'goed'" in only_problem(read(text, empty_mask='normal'))
    reading = Reading(parse_values([['finding', 'goed=normal']], COLUMNS))
    assert read(text, {}, {}, reading, empty_mask='normal')[0][0].annotated == 'normal'


def test_a_value_for_all_rows_replaces_nothing_unless_told(read):
    text = 'image,mask,patient_id,view,spacing_mm\na.png,m.png,7,,0.07\nb.png,m.png,7,cc,\n'
    views = [entry.view for entry in read(text, {}, {'view': 'CC', 'spacing_mm': '0,070'})[0]]
    assert views == ['CC', 'CC']
    with pytest.raises(MammoError, match=r"row 3: view is 'cc', and --set view=MLO.*--overwrite"):
        read(text, {}, {'view': 'MLO'})
    reading = Reading(overwrite=['view'])
    assert {entry.view for entry in read(text, {}, {'view': 'MLO'}, reading)[0]} == {'MLO'}
    assert {entry.view for entry in read(text, {}, {'view': ''})[0]} == {''}
    with pytest.raises(MammoError, match=r'--overwrite-column view: nothing .*Allowed: density'):
        read(text, {}, {'density': '2'}, reading)
    with pytest.raises(MammoError, match=r'--set view=TOP\. Allowed: CC'):
        read(text, {}, {'view': 'TOP'}, reading)


def test_rows_may_tell_how_their_masks_came_about(read):
    text = 'image,mask,patient_id,mask_kind\na.png,m.png,7,Weak\nb.png,m.png,7,\n'
    assert [entry.mask_kind for entry in read(text)[0]] == ['weak', '']
    problem = only_problem(read(text.replace('Weak', 'box').split('b.png')[0]))
    assert problem.startswith("row 2: mask_kind 'box'. Allowed: contour, weak, image-label.")


def test_an_empty_mask_cell_means_nothing_until_the_user_says_so(read):
    text = 'image,mask,patient_id\na.png,,7\n'
    problem = only_problem(read(text))
    assert 'row 2: no mask' in problem
    assert '--empty-mask-means normal or not-annotated' in problem
    assert read(text, empty_mask='normal')[0][0].annotated == 'normal'
    assert read(text, empty_mask='not-annotated')[0][0].annotated == 'no'


def test_a_table_without_masks_is_not_a_table_of_normal_images(read):
    text = 'image,roi,patient_id\na.png,m.png,7\n'
    with pytest.raises(MammoError, match=r'no column mask.*image, roi, pat.*--column mask=<yours>'):
        read(text, empty_mask='normal')
    entries, _ = read(text, {'mask': 'roi'}, empty_mask='normal')
    assert entries[0].mask.name == 'm.png'
    assert read(text, {}, {'annotated': 'normal'})[0][0].annotated == 'normal'


def test_image_and_mask_are_two_files(read):
    problem = only_problem(read('image,mask,patient_id\na.png,./a.png,7\n'))
    assert 'row 2: image and mask are the same file' in problem


def test_a_folder_instead_of_a_table_is_told_its_csv_files(read, tmp_path):
    read('image,mask,patient_id\na.png,m.png,7\n')
    with pytest.raises(MammoError, match=r'is a folder.*table\.csv'):
        read_hospital_table(tmp_path, tmp_path, {}, {}, Gaps())


def test_the_annotated_column_says_it_too_and_wins(read):
    text = 'image,mask,patient_id,annotated\na.png,,7,no\nb.png,,7,normal\n'
    entries, problems = read(text, empty_mask='normal')
    assert [entry.annotated for entry in entries] == ['no', 'normal']
    assert not problems
    text = 'image,mask,patient_id,annotated\na.png,,7,lesion\n'
    assert 'annotated is lesion, but no mask is named' in only_problem(read(text))


@pytest.mark.parametrize('meaning', ['', 'normal', 'not-annotated'])
def test_a_mask_that_is_not_on_disk_is_a_bad_row_and_never_normal(read, meaning):
    problem = only_problem(read('image,mask,patient_id\na.png,gone.png,7\n', empty_mask=meaning))
    assert problem.startswith('row 2: mask ')
    assert problem.endswith('gone.png does not exist')


def test_a_missing_image_and_every_other_fault_of_a_row_are_told_at_once(read):
    problem = only_problem(read('image,mask,patient_id\ngone.png,,\n'))
    assert 'gone.png does not exist; no mask' in problem
    assert 'no patient' in problem


def test_the_patient_pattern_searches_the_path(read, tmp_path):
    write_png(tmp_path / 'P12/3/a.png', ZERO)
    text = 'image,mask\nP12/3/a.png,m.png\n'
    (entry,), _ = read(text, patient_pattern=r'^(P\d+)/')
    assert entry.patient_id == 'P12'
    assert 'no patient' in only_problem(read(text, patient_pattern=r'^(Q\d+)/'))


def test_dicom_tags_fill_empty_cells_and_overrule_none(read, save_dicom):
    tags = {'PatientID': 'D9', 'ImageLaterality': 'R', 'ViewPosition': 'MLO'}
    save_dicom(ZERO, 'd.dcm', **tags)
    header = 'image,mask,patient_id,laterality,view\n'
    (entry,), _ = read(header + 'd.dcm,m.png,,,\n')
    assert (entry.patient_id, entry.laterality, entry.view) == ('D9', 'RIGHT', 'MLO')
    (entry,), _ = read(header + 'd.dcm,m.png,7,L,CC\n')
    assert (entry.patient_id, entry.laterality, entry.view) == ('7', 'LEFT', 'CC')
    problem = only_problem(read(header + 'd.dcm,m.png,,,\n', patient_pattern='(X)'))
    assert 'no patient' in problem


def test_an_unknown_dicom_view_is_other(read, save_dicom):
    save_dicom(ZERO, 'd.dcm', PatientID='D9', ViewPosition='SPOT')
    (entry,), _ = read('image,mask\nd.dcm,m.png\n')
    assert entry.view == 'OTHER'


def test_a_damaged_dicom_is_a_bad_row(read, tmp_path):
    (tmp_path / 'd.dcm').write_bytes(b'no')
    assert 'd.dcm: not DICOM' in only_problem(read('image,mask,patient_id\nd.dcm,m.png,7\n'))


@pytest.mark.parametrize('patient', ['N/A', 'nan', 'NULL', '-', '?', 'unknown', '<NA>'])
def test_words_for_nothing_are_no_patient(read, patient):
    problem = only_problem(read(f'image,mask,patient_id\na.png,m.png,{patient}\n'))
    assert f'patient {patient!r} is nobody' in problem


@pytest.mark.parametrize('patient', ['1,23E+05', '1.23457E+11', '1E+11', '1,2E-05', '1.2e+05'])
def test_numbers_that_a_spreadsheet_rounded_are_no_patients(read, patient):
    problem = only_problem(read(f'image;mask;patient_id\na.png;m.png;{patient}\n'))
    assert f'patient {patient!r} is a number that a spreadsheet rounded' in problem


@pytest.mark.parametrize('patient', ['1234.0', 'E5', '5E10', 'A#1', '00012', 'NA7', '1,2'])
def test_other_patients_are_taken_to_the_letter(read, patient):
    (entry,), _ = read(f'image;mask;patient_id\na.png;m.png;{patient}\n')
    assert entry.patient_id == patient


@pytest.mark.parametrize(
    'lost', ['#N/A', '#NAME?', '#REF!', '#NV', '#DIV/0!', '####', 'M\ufffdller']
)
@pytest.mark.parametrize('column', ['image', 'mask', 'patient_id', 'finding', 'density'])
def test_what_a_spreadsheet_leaves_of_a_lost_value_is_a_bad_row(read, column, lost):
    cells = {
        'image': 'a.png',
        'mask': 'm.png',
        'patient_id': '7',
        'finding': 'mass',
        'density': '2',
    }
    cells[column] = lost
    problem = only_problem(read('\n'.join([','.join(cells), ','.join(cells.values()), ''])))
    assert f'{column} {lost!r} is what a spreadsheet leaves of a lost value' in problem


@pytest.mark.parametrize('name', ['Süß.png', 'Su\u0308ß.png'])
def test_letters_composed_in_two_ways_name_one_file(read, tmp_path, name):
    (tmp_path / 'Bü').mkdir()
    write_png(tmp_path / 'Bü' / name, ZERO)
    for form in ('NFC', 'NFD'):
        path = unicodedata.normalize(form, 'Bü/Süß.png')
        (entry,), problems = read(f'image,mask,patient_id\n{path},m.png,7\n')
        assert not problems
        assert entry.image == tmp_path / 'Bü' / name


def test_a_file_that_differs_by_capitals_is_told_and_not_taken(read):
    problem = only_problem(read('image,mask,patient_id\nA.PNG,m.png,7\n'))
    assert problem.endswith('A.PNG does not exist, but a.png does')


def test_what_is_no_file_is_told_by_what_it_is(read, tmp_path):
    (tmp_path / 'f.png').mkdir()
    (tmp_path / 'gone.png').symlink_to('unmounted/x.png')
    (tmp_path / 'loop.png').symlink_to('loop.png')
    for name, fault in (
        ('f.png', 'is a folder'),
        ('gone.png', 'is a link to unmounted/x.png, which does not exist'),
        ('loop.png', 'cannot be reached (Too many levels of symbolic links)'),
        ('x' * 300, 'cannot be reached (File name too long)'),
    ):
        for cells in (f'{name},m.png', f'a.png,{name}'):
            assert only_problem(read(f'image,mask,patient_id\n{cells},7\n')).endswith(fault)


@pytest.mark.parametrize(
    ('header', 'row', 'doubt'),
    [
        ('image,mask,patient_id,pathology', 'a.png,,7,malignant', "pathology is 'malignant'"),
        ('image,mask,patient_id,finding', 'a.png,,7,Mass', "finding is 'Mass'"),
        ('image,mask,patient_id,finding', 'a.png,,7', 'the row ends before the last column'),
        ('image,mask,mask left,patient_id', 'a.png,,m.png,7', 'column mask left names m.png'),
    ],
)
def test_an_empty_cell_is_no_normal_image_where_the_row_says_something_else(
    read, header, row, doubt
):
    text = f'{header}\n{row}\n'
    assert f'no mask, but {doubt}' in only_problem(read(text, empty_mask='normal'))
    assert read(text, empty_mask='not-annotated')[0][0].annotated == 'no'
    assert read(text, {}, {'annotated': 'normal'})[0][0].annotated == 'normal'


WORDS = ['normal', 'No Finding', 'none', 'n/a', '-', 'no_finding', '0', 'NORM', "['No Finding']"]


@pytest.mark.parametrize('word', [*WORDS, 'No abnormalities.'])
def test_words_for_no_finding_and_values_for_all_rows_tell_of_no_lesion(read, word):
    text = f'image,mask,patient_id,finding\na.png,,7,{word}\n'
    assert read(text, empty_mask='normal')[0][0].annotated == 'normal'
    found = read('image,mask,patient_id\na.png,,7\n', {}, {'finding': 'mass'}, empty_mask='normal')
    assert found[0][0].annotated == 'normal'


def test_repeated_masks_are_rows_of_one_image(read, tmp_path):
    write_png(tmp_path / 'n.png', ZERO)
    entries, problems = read('image,roi,ROI 2,patient_id\na.png,m.png,n.png,7\n', {'mask': 'roi'})
    assert not problems
    assert [(e.place, e.relative, e.mask.name) for e in entries] == [
        ('row 2', 'a.png', 'm.png'),
        ('row 2', 'a.png', 'n.png'),
    ]


LABELLED = 'image,mask,patient_id,annotated,mask_kind\n'


@pytest.mark.parametrize(
    ('row', 'labels'),
    [
        ('a.png,,7,lesion,', True),
        ('a.png,NA,7,lesion,', True),
        ('a.png,,7,lesion,image-label', False),
        ('a.png,NA,7,lesion,image-label', False),
    ],
)
def test_a_lesion_that_nobody_outlined_is_no_bad_row_if_that_is_said(read, row, labels):
    (entry,), problems = read(LABELLED + row + '\n', image_labels=labels)
    assert not problems
    assert (entry.annotated, entry.mask_kind, entry.region) == ('lesion', 'image-label', None)


def test_image_labels_change_nothing_else(read):
    text = LABELLED + 'a.png,m.png,7,lesion,\nb.png,,7,normal,\n'
    assert read(text, image_labels=True) == read(text)
    said = only_problem(read(LABELLED + 'a.png,,7,,\n', image_labels=True))
    assert 'no mask and no annotated value' in said
    said = only_problem(read(LABELLED + 'a.png,gone.png,7,lesion,\n', image_labels=True))
    assert 'gone.png does not exist' in said
    said = only_problem(read(LABELLED + 'a.png,,7,lesion,\n'))
    assert 'if nobody outlined it: --image-labels' in said


def test_an_image_label_beside_a_mask_is_a_contradiction(read):
    said = only_problem(read(LABELLED + 'a.png,m.png,7,lesion,image-label\n'))
    assert 'mask_kind is image-label, but a mask is named' in said
