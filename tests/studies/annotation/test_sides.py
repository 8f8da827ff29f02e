"""Sides of the split: how many are for testing, and whose images."""

import pytest

from mmseg_mammo.studies.annotation.sides import Patients, kept_for_test, part_for_test


@pytest.mark.parametrize(
    ('count', 'share', 'expected'),
    [(20, 0.2, 4), (18, 0.2, 4), (7, 0.2, 1), (4, 0.1, 0), (5, 0.05, 1), (30, 0, 0), (3, 1, 3)],
)
def test_the_share_is_rounded_and_of_five_one_is_for_testing(count, share, expected):
    assert part_for_test(count, share) == expected


def test_who_is_kept_is_the_beginning_of_one_order_whoever_is_left():
    everybody = dict.fromkeys(map(str, range(100)), 2)
    first = kept_for_test(everybody, 20)
    assert len(first) == 20
    assert first < kept_for_test(everybody, 30)
    # Some of the patients have been taken from both sides: those that were kept are kept.
    gone = {*sorted(first)[:4], *sorted(set(everybody) - first)[:16]}
    left = {patient: 2 for patient in everybody if patient not in gone}
    assert kept_for_test(left, 16) == first - gone


def test_more_are_kept_where_those_have_too_few_images_but_never_everybody():
    room = dict.fromkeys('abcdefgh', 1)
    assert len(kept_for_test(room, 2)) == 2
    assert len(kept_for_test(room, 2, 5)) == 5
    assert len(kept_for_test(room, 2, 50)) == 7
    assert kept_for_test({'a': 9}, 0, 2) == set()
    assert kept_for_test(room, 8) == set(room)


def test_the_share_is_of_all_but_those_who_were_annotated_before_the_first_round():
    owners = {f'{n}/0': f'{n}' for n in range(40)}
    sides = {**{f'a{n}': 'train' for n in range(30)}, **{f'b{n}': 'test' for n in range(5)}}
    patients = Patients(owners, 1, sides, before=set(sides))
    patients.keep(0.2, 0)
    assert len(patients.kept) == 8  # of 40
    patients = Patients(owners, 1, sides)  # earlier rounds had all 75 to choose from
    patients.keep(0.2, 0)
    assert len(patients.kept) == 15 - 5
    patients.keep(0, 0)
    assert patients.kept == set()


def test_a_patient_gives_to_one_side_and_no_more_than_the_limit():
    patients = Patients({'a/1': 'a', 'a/2': 'a', 'b/1': 'b'}, 1, {'a': 'test'})
    patients.keep(0.2, 1)
    assert patients.kept == set()  # the one on the side of testing has enough
    assert patients.room() == {'a': 1, 'b': 1}
    assert not patients.admit('a/1', 'train')
    assert patients.admit('a/1', 'test')
    assert not patients.admit('a/2', 'test')
    assert patients.admit('b/1', 'train')
