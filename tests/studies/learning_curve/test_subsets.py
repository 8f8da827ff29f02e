from dataclasses import replace

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import Row
from mmseg_mammo.studies.learning_curve.subsets import (
    nested_subset,
    order_patients,
    pool_size,
    with_masks,
)


def row(number, patient, annotated='lesion', view='CC'):
    return Row(
        image=f'images/{number}.png',
        mask=f'masks/{number}.png' if annotated == 'lesion' else '',
        patient_id=patient,
        laterality='LEFT',
        view=view,
        split='train',
        finding='',
        pathology='',
        density='',
        annotated=annotated,
        mask_kind='',
        source='ours',
        original_height=10,
        original_width=10,
    )


# 40 patients with two images each; a quarter of them has no lesion.
POOL = [
    row(2 * patient + number, f'P{patient}', 'normal' if patient % 4 == 0 else 'lesion')
    for patient in range(40)
    for number in range(2)
]


@pytest.mark.parametrize('seed', range(5))
def test_subsets_of_a_seed_are_nested_whole_and_in_proportion(seed):
    before = set()
    for count in ('1', '5', '10', '40', '80', 'all'):
        found = nested_subset(POOL, count, seed, 'images')
        assert before <= set(found.images)
        before = set(found.images)
        facts = found.describe()
        assert facts['images'] == 2 * facts['patients']
        if count != 'all':
            assert 0 <= facts['images'] - int(count) <= 1
        assert facts['lesion_images'] + facts['normal_images'] == facts['images']
        assert abs(facts['normal_images'] - facts['images'] / 4) <= 2
    assert before == {each.image for each in POOL}


def test_counts_may_be_of_patients():
    found = nested_subset(POOL, '7', 0, 'patients').describe()
    assert (found['patients'], found['images']) == (7, 14)
    assert (pool_size(POOL, 'patients'), pool_size(POOL, 'images')) == (40, 80)


def test_seeds_differ_and_repeat_themselves():
    chosen = [nested_subset(POOL, '10', seed, 'images').images for seed in (0, 1, 0)]
    assert chosen[0] != chosen[1]
    assert chosen[0] == chosen[2]


def test_views_are_strata_too_and_the_first_patient_has_a_lesion():
    rows = [row(n, f'P{n}', 'normal', ('CC', 'MLO')[n % 2]) for n in range(30)]
    rows.append(row(30, 'L'))
    for seed in range(6):
        order = order_patients(rows, seed)
        assert order[0] == 'L'
        views = [rows[int(patient[1:])].view for patient in order[1:11]]
        assert 4 <= views.count('CC') <= 6


def test_more_than_there_is_is_refused():
    with pytest.raises(MammoError, match='81 images: the pool has 80'):
        nested_subset(POOL, '81', 0, 'images')


def test_lesions_that_nobody_outlined_are_not_learned_from():
    label = replace(row(1, 'A'), mask='', mask_kind='image-label')
    kept = row(2, 'A')
    assert with_masks([label, kept, row(3, 'B', 'no'), row(4, 'C', 'normal')]) == [
        kept,
        row(4, 'C', 'normal'),
    ]
