"""What the name of an image, or its row, tells of an entry."""

import re

import pytest

from mmseg_mammo.preparation.split_audit.entries import make_entry, role_in, role_of


def told(name, **cells):
    entry = make_entry('train', {'name': name, **cells})
    return entry.patient, entry.side, entry.view


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('Mass-Test_P_00016_LEFT_CC', ('P_00016', 'LEFT', 'CC')),
        ('a/Calc-Training_P_00005_RIGHT_MLO_2/1.3.6/000000.dcm', ('P_00005', 'RIGHT', 'MLO')),
        ('20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm', ('6c613a14b80a8591', 'RIGHT', 'CC')),
        ('images/P102_L_DM_MLO.jpg', ('P102', 'LEFT', 'MLO')),
        ('CMMD/D2-0216/1-1.dcm', ('D2-0216', '', '')),
        ('D2-0216-L-1', ('D2-0216', 'LEFT', '')),
        ('mdb003.pgm', ('mdb003', 'RIGHT', 'MLO')),
        ('mdb004.pgm', ('mdb003', 'LEFT', 'MLO')),
        ('scan_0123.png', ('', '', '')),
    ],
)
def test_names_of_public_sets_tell_the_patient(name, expected):
    assert told(name) == expected


def test_a_row_says_more_than_the_name():
    said = {'patient': 'H7', 'side': 'r', 'view': 'L-CC'}
    assert told('P102_L_DM_MLO.png', **said) == ('H7', 'RIGHT', 'CC')
    assert told('P102_L_DM_MLO.png', patient='nan')[0] == 'P102'


def test_the_patient_id_of_a_cbis_file_is_that_of_an_image():
    entry = make_entry('train', {'patient': 'Mass-Test_P_00016_LEFT_CC_1'})
    assert (entry.patient, entry.name) == ('P_00016', 'Mass-Test_P_00016_LEFT_CC')
    assert entry.official == 'test'


def test_a_pattern_of_the_user_comes_first():
    pattern = re.compile(r'/(?P<patient>\d+)/(?P<side>[lr])(?P<view>cc|mlo)')
    entry = make_entry('tr', {'name': r'x\17\lcc.dcm'}, pattern)
    assert (entry.patient, entry.side, entry.view) == ('17', 'LEFT', 'CC')
    assert (entry.split, entry.name, entry.stem) == ('train', 'x/17/lcc', 'lcc')


@pytest.mark.parametrize(
    ('word', 'role'),
    [('Train', 'train'), ('TRAINING', 'train'), ('Eval', 'val'), ('dev', 'val'), ('ts', 'test')],
)
def test_words_for_a_split(word, role):
    assert role_of(word) == role


def test_other_words_are_splits_of_their_own():
    assert role_of('hidden') == 'hidden'
    assert role_in('mass_case_description_test_set') == 'test'
    assert role_in('strain') == ''
