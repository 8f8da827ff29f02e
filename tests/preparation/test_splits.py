"""Patients to splits, in proportion to their strata."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import read_index
from mmseg_mammo.preparation.splits import carve_splits, split_patients


def test_patients_are_chosen_in_proportion_to_their_strata():
    strata = {f'{kind}{n}': kind for kind, many in (('m', 60), ('c', 30)) for n in range(many)}

    for seed in range(20):
        chosen = split_patients(strata, {'test': 0.2, 'val': 0.1}, np.random.default_rng(seed))
        counts = Counter((split, strata[patient]) for patient, split in chosen.items())
        assert Counter(chosen.values()) == {'test': 18, 'val': 9}
        assert abs(counts['test', 'm'] - 12) <= 1
        assert abs(counts['val', 'c'] - 3) <= 1


def test_the_choice_depends_on_the_seed_and_not_on_the_order():
    strata = {f'p{n}': 'x' for n in range(40)}
    turned = dict(reversed(strata.items()))
    first = split_patients(strata, {'val': 0.25}, np.random.default_rng(1))
    assert split_patients(turned, {'val': 0.25}, np.random.default_rng(1)) == first
    assert split_patients(strata, {'val': 0.25}, np.random.default_rng(2)) != first


def test_a_fraction_above_zero_gets_somebody_and_zero_nobody():
    strata = dict.fromkeys('abc', 'x')
    chosen = split_patients(strata, {'val': 0.01, 'test': 0.0}, np.random.default_rng(0))
    assert list(chosen.values()) == ['val']
    assert split_patients({}, {}, np.random.default_rng(0)) == {}


@pytest.mark.parametrize('fractions', [{'val': 1.0}, {'val': -0.1}, {'val': 0.6, 'test': 0.4}])
def test_fractions_that_leave_nobody_are_refused(fractions):
    with pytest.raises(MammoError, match='fractions'):
        split_patients(dict.fromkeys('abc', 'x'), fractions, np.random.default_rng(0))


def test_too_few_patients_are_refused():
    with pytest.raises(MammoError, match='2 patients are too few'):
        split_patients(
            dict.fromkeys('ab', 'x'), {'val': 0.1, 'test': 0.1}, np.random.default_rng(0)
        )


def test_val_comes_out_of_train_by_patient_and_test_stays(prepared):
    rows = read_index(prepared / 'index.csv')
    many = [replace(row, patient_id=f'{row.patient_id}{n}') for row in rows for n in range(10)]
    carved = carve_splits(many, {'val': 0.5}, np.random.default_rng(0))
    splits = {}
    for before, after in zip(many, carved, strict=True):
        assert splits.setdefault(after.patient_id, after.split) == after.split
        assert after == before or (before.split, after.split) == ('train', 'val')
    moved = {p for p, split in splits.items() if split == 'val' and p[0] in 'AB'}
    assert len(moved) == 10


def test_a_patient_with_one_lesion_image_is_in_the_stratum_with_lesions(prepared):
    """Of ten such patients and ten without, half of each move, whatever the seed."""
    rows = read_index(prepared / 'index.csv')
    lesion, normal = (next(r for r in rows if r.annotated == kind) for kind in ('lesion', 'normal'))
    mixed = [
        replace(row, patient_id=f'L{n}', split='train')
        for n in range(10)
        for row in (normal, lesion)
    ]
    plain = [replace(normal, patient_id=f'N{n}', split='train') for n in range(10)]
    for seed in range(5):
        carved = carve_splits([*mixed, *plain], {'val': 0.5}, np.random.default_rng(seed))
        moved = {row.patient_id for row in carved if row.split == 'val'}
        assert sorted(patient[0] for patient in moved) == ['L'] * 5 + ['N'] * 5
