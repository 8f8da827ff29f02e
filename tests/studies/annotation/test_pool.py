"""The pool: what is left out, and whose the images are."""

import numpy as np
import pytest
from tiny_models import write_blobs

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.preparation.hospital.entry import ROUND
from mmseg_mammo.studies.annotation.pool import read_pool


def test_annotated_images_of_a_prepared_folder_are_left_out_with_their_sides(prepared, tmp_path):
    pool = read_pool(prepared, tmp_path / 'out')
    assert [one.image for one in pool.inputs] == ['images/8.png']
    assert [why for _, why in pool.covered].count('annotated: normal') == 3
    assert len(pool.covered) == 8
    # E, whom nobody judged, may still be on either side, whatever the split of the row says.
    assert pool.sides == {'A': 'train', 'B': 'train', 'C': 'train', 'D': 'test'}
    assert pool.before == {'A', 'B', 'C', 'D'}
    assert pool.rows[prepared / 'images/8.png'].density == '2'
    assert pool.without_patient == 0


def test_images_of_a_folder_are_of_nobody_known_unless_a_pattern_says(tmp_path):
    for name in ('P1_a', 'P1_b', 'P2_a'):
        write_blobs(tmp_path / 'in' / f'{name}.png', 1)
    pool = read_pool(tmp_path / 'in', tmp_path / 'out')
    assert pool.without_patient == 3
    assert len({pool.patient_of(one) for one in pool.inputs}) == 3
    pool = read_pool(tmp_path / 'in', tmp_path / 'out', pattern='^(P[0-9]+)_')
    assert [pool.patient_of(one) for one in pool.inputs] == ['P1', 'P1', 'P2']
    assert pool.without_patient == 0
    with pytest.raises(MammoError, match=r"P1_a.png: --patient-pattern '\^Q"):
        _ = read_pool(tmp_path / 'in', tmp_path / 'out', pattern='^Q(.)').without_patient
    with pytest.raises(MammoError, match='one group'):
        read_pool(tmp_path / 'in', tmp_path / 'out', pattern='^Q')


def test_a_table_says_what_is_annotated(tmp_path):
    for name in 'abcd':
        write_blobs(tmp_path / f'{name}.png', ord(name))
    table = tmp_path / 'list.csv'
    table.write_text(
        'image,patient_id,annotated,mask,split\n'
        'a.png,1,lesion,x.png,test\nb.png,2,no,,test\nc.png,3,,m.png,\nd.png,4,,,\n'
    )
    pool = read_pool(table, tmp_path / 'out')
    assert [one.image for one in pool.inputs] == ['b.png', 'd.png']
    assert [why for _, why in pool.covered] == ['annotated: lesion', 'annotated: it has a mask']
    assert pool.sides == {'1': 'test', '3': 'train'}


def test_what_was_chosen_earlier_is_not_chosen_again(tmp_path):
    for name in 'abc':
        write_blobs(tmp_path / 'in' / f'{name}.png', ord(name))
    first = tmp_path / 'first'
    first.mkdir()
    (first / ROUND).write_text('image,for_test\n../in/a.png,yes\n../in/b.png,no\n')
    pool = read_pool(tmp_path / 'in', tmp_path / 'out', [first], '(.)')
    assert [one.image for one in pool.inputs] == ['c.png']
    assert pool.sides == {'a': 'test', 'b': 'train'}
    assert pool.before == set()
    (first / ROUND).write_text('image,for_test\n../in/a.png,yes\n../in/b.png,no\n../in/c.png,no\n')
    with pytest.raises(MammoError, match='all of its 3 images'):
        read_pool(tmp_path / 'in', tmp_path / 'out', [first])
    with pytest.raises(DataFileError, match=f'no {ROUND} in it'):
        read_pool(tmp_path / 'in', tmp_path / 'out', [tmp_path / 'in'])


def test_images_of_one_header_are_of_one_patient(save_dicom, tmp_path):
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    for name in ('a', 'b'):
        save_dicom(pixels, f'in/{name}.dcm', PatientID='SECRET')
    pool = read_pool(tmp_path / 'in', tmp_path / 'out')
    assert [pool.patient_of(one) for one in pool.inputs] == ['SECRET', 'SECRET']
    assert pool.without_patient == 0


@pytest.mark.parametrize(
    ('pattern', 'now'), [('', 'nobody tells it now'), ('^P([0-9])', "'1' now")]
)
def test_an_earlier_choice_that_knows_another_patient_of_an_image_is_refused(
    pattern, now, tmp_path
):
    """Else the patient, who gave an image for testing, would give others for training."""
    for name in ('P1_a', 'P1_b', 'P2_a'):
        write_blobs(tmp_path / 'in' / f'{name}.png', 1)
    (tmp_path / 'next_1').mkdir()
    (tmp_path / 'next_1' / ROUND).write_text('image,for_test,patient_id\n../in/P1_a.png,yes,P1\n')
    given = (tmp_path / 'in', tmp_path / 'out', [tmp_path / 'next_1'])
    assert read_pool(*given, '^(P[0-9]+)_').sides == {'P1': 'test'}
    with pytest.raises(MammoError, match=f"patient of P1_a.png is 'P1' there, and {now}"):
        read_pool(*given, pattern)


def test_a_patient_who_was_not_known_in_a_round_and_is_on_both_sides_is_refused(tmp_path):
    for name in ('P1_a', 'P1_b', 'P2_a'):
        write_blobs(tmp_path / 'in' / f'{name}.png', 1)
    (tmp_path / 'next_1').mkdir()
    rows = 'image,for_test,patient_id\n../in/P1_a.png,yes,\n../in/P1_b.png,no,\n'
    (tmp_path / 'next_1' / ROUND).write_text(rows)
    given = (tmp_path / 'in', tmp_path / 'out', [tmp_path / 'next_1'])
    assert len(read_pool(*given).sides) == 2
    with pytest.raises(MammoError, match='patient P1 were chosen for training and for testing'):
        read_pool(*given, '^(P[0-9]+)_')
