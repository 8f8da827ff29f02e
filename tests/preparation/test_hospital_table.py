import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.hospital_table import Gaps, read_hospital_table
from mmseg_mammo.preparation.images import write_png

ZERO = np.zeros((8, 6), np.uint8)


@pytest.fixture
def read(tmp_path):
    """Write a table beside the files a.png, b.png and m.png, and read it."""
    for name in ('a.png', 'b.png', 'm.png'):
        write_png(tmp_path / name, ZERO)

    def read(text, columns=None, fixed=None, **gaps):
        table = tmp_path / 'table.csv'
        table.write_text(text)
        return read_hospital_table(table, tmp_path, columns or {}, fixed or {}, Gaps(**gaps))

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


@pytest.mark.parametrize('pattern', ['P', '(P)(1)', '(P'])
def test_patterns_without_one_group_are_refused(pattern):
    with pytest.raises(MammoError, match='pattern'):
        Gaps(patient_pattern=pattern)


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
