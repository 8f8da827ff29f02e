from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_mammo.io.index import Row
from mmseg_mammo.preparation.hospital.entry import Problem
from mmseg_mammo.preparation.hospital.prepare import Prepared
from mmseg_mammo.preparation.hospital.summary import summarise

ROW = Row(
    *('images/a.png', 'masks/a.png', 'P1', 'LEFT', 'CC', 'test', '', '', '', 'lesion'),
    *('contour', 'ours', 60, 40),
)
NORMAL = replace(ROW, image='images/b.png', mask='', annotated='normal')


def lines(*rows, kind_told=False, **told):
    facts = {'problems': [], 'audit': [], 'header_patients': 0} | told
    return list(summarise(Prepared(list(rows), **facts), Path('out'), kind_told))


@pytest.mark.parametrize(
    ('kinds', 'said'),
    [
        (['contour'], 'masks are taken as contours drawn by readers; --mask-kind weak if'),
        (['weak'], 'The masks are weak: say so beside every result.'),
        (['weak', 'contour', 'weak'], 'The masks are 1 contour and 2 weak: say so beside'),
        (['phantom'], 'The masks are phantom: say so beside every result.'),
    ],
)
def test_what_the_masks_are_is_said(kinds, said):
    rows = [replace(ROW, image=f'{n}', mask_kind=kind) for n, kind in enumerate(kinds)]
    assert any(line.startswith(said) for line in lines(*rows, NORMAL))


def test_nothing_is_said_of_contours_that_are_told_or_of_no_masks():
    assert not [line for line in lines(ROW, kind_told=True) if 'contour' in line]
    assert not [line for line in lines(NORMAL) if 'contour' in line]


def test_notes_are_shown_up_to_a_number_and_all_is_counted():
    audit = [{'status': 'prepared', 'row': f'row {n}', 'note': 'odd'} for n in range(22)]
    told = lines(ROW, audit=audit, problems=[Problem('row 2', 'a', 'bad')], header_patients=3)
    assert told[:2] == ['prepared: row 0: odd', 'prepared: row 1: odd']
    assert told[20] == '… and 2 more notes'
    assert any('patient_id of 3 images comes from DICOM headers' in line for line in told)
    assert told[-1] == f'1 row was left out; {Path("out/audit.csv")} tells about all.'


@pytest.mark.parametrize(
    ('images', 'said'),
    [
        ('', '0 rows were left out; '),
        ('ab', '2 rows were left out; '),
        ('aab', '2 images were left out, with 3 rows; '),
        ('aa', '1 image was left out, with 2 rows; '),
    ],
)
def test_images_that_are_left_out_are_not_counted_by_their_rows(images, said):
    problems = [Problem(f'row {n}', image, 'bad') for n, image in enumerate(images)]
    assert lines(ROW, problems=problems)[-1].startswith(said)
