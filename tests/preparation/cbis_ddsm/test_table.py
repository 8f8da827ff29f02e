import csv

import pytest
from cbis_samples import CALC_HEADER, MASS_HEADER, make_case, make_record, uid

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.cbis_ddsm.table import (
    CALC,
    FILE_NAMES,
    IMAGE_NAME,
    MASS,
    has_column,
    parse_case,
    read_cases,
    shared_patients,
)


def write_table(path, header, records, newline='\n'):
    """Quirks of the real files: a newline inside the quoted last path cell, N/A texts."""
    names = header.split(',')
    with path.open('w', newline='') as stream:
        writer = csv.DictWriter(stream, names, restval='N/A', lineterminator=newline)
        writer.writeheader()
        for record in records:
            quirky = {**record, names[-1]: record[names[-1]] + '\n'}
            writer.writerow({key: value for key, value in quirky.items() if key in names})
    return path


def test_files_columns_and_folders_are_those_of_the_published_collection():
    assert FILE_NAMES == (
        'mass_case_description_train_set.csv',
        'mass_case_description_test_set.csv',
        'calc_case_description_train_set.csv',
        'calc_case_description_test_set.csv',
    )
    assert ','.join(MASS.columns()) == MASS_HEADER
    assert ','.join(CALC.columns()) == CALC_HEADER
    assert MASS.folder_prefix('train') == 'Mass-Training'
    assert IMAGE_NAME.fullmatch(f'{CALC.folder_prefix("test")}_P_00001_LEFT_CC')


@pytest.mark.parametrize('newline', ['\n', '\r\n'])
def test_a_newline_inside_a_quoted_cell_makes_no_extra_row(tmp_path, newline):
    records = [make_record(), make_record(abnormality_id='3', mask=4, crop=4)]
    path = write_table(tmp_path / 'a.csv', MASS_HEADER, records, newline)
    assert len(path.read_bytes().splitlines()) == 5
    cases = read_cases([path])
    assert [(case.row, case.name) for case in cases] == [
        (2, 'Mass-Training_P_00001_LEFT_CC_1'),
        (3, 'Mass-Training_P_00001_LEFT_CC_3'),
    ]
    assert (cases[0].mask_series, cases[0].mask_position) == (uid(2), 1)


def test_both_spellings_of_the_density_column_are_read(tmp_path):
    record = make_record('Calc-Test_P_00038_LEFT_MLO')
    record['breast density'] = record.pop('breast_density')
    calc = write_table(tmp_path / 'calc.csv', CALC_HEADER, [record])
    mass = write_table(tmp_path / 'mass.csv', MASS_HEADER, [make_record()])
    cases = read_cases([calc, mass])
    assert [case.density for case in cases] == ['3', '3']
    assert [case.subset for case in cases] == ['calcification test', 'mass train']


def test_density_zero_is_unknown():
    assert make_case(breast_density='0').density == ''


def test_a_second_copy_of_a_table_adds_nothing(tmp_path):
    paths = [write_table(tmp_path / n, MASS_HEADER, [make_record()]) for n in ('a.csv', 'b.csv')]
    assert len(read_cases(paths)) == 1


def test_tables_that_contradict_each_other_are_refused(tmp_path):
    first = write_table(tmp_path / 'a.csv', MASS_HEADER, [make_record()])
    second = write_table(tmp_path / 'b.csv', MASS_HEADER, [make_record(pathology='BENIGN')])
    with pytest.raises(DataIndexError, match=r'b\.csv, row 2: Mass-Training_P_00001_LEFT_CC_1'):
        read_cases([first, second])


@pytest.mark.parametrize(
    'wrong',
    [
        {'patient_id': 'P_00002'},
        {'image view': 'MLO'},
        {'image file path': 'Mass-Training_P_00001_LEFT_CC/000000.dcm'},
        {'ROI mask file path': ''},
    ],
)
def test_a_row_that_contradicts_itself_is_named(wrong):
    with pytest.raises(DataIndexError, match=r'mass\.csv, row 7'):
        parse_case(make_record() | wrong, 'mass.csv', 7)


def test_known_tables_are_told_from_other_csv_files(tmp_path):
    table = write_table(tmp_path / 'a.csv', MASS_HEADER, [make_record()])
    other = tmp_path / 'b.csv'
    other.write_bytes(b'\xff\xfe not, a, table\n')
    assert has_column(table, 'ROI mask file path')
    assert not has_column(other, 'ROI mask file path')


def test_patients_are_shared_only_across_train_and_test():
    cases = [
        make_case('Mass-Training_P_00016_LEFT_CC'),
        make_case('Calc-Test_P_00016_RIGHT_CC'),
        make_case('Mass-Training_P_00020_LEFT_CC'),
        make_case('Calc-Training_P_00020_LEFT_CC'),
    ]
    assert shared_patients(cases) == ['P_00016']
    assert shared_patients(cases[2:]) == []


@pytest.mark.parametrize(
    'wrong', [{'abnormality id': ''}, {'abnormality id': '7'}, {'pathology': 'MALIGN'}]
)
def test_a_cell_that_contradicts_its_row_or_is_no_term_is_refused(wrong):
    with pytest.raises(DataIndexError, match=r'table\.csv, row 2: (abnormality id|pathology)'):
        parse_case(make_record() | wrong, 'table.csv', 2)
