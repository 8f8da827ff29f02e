import numpy as np
import pytest

from mmseg_mammo.reporting.conventions import CONVENTIONS, convention_items, score
from mmseg_mammo.reporting.reading import Records
from mmseg_mammo.reporting.results import NOTHING

ALL, GRID, POOLED, LESION, LESION_GRID, LESION_POOLED = CONVENTIONS


@pytest.fixture
def images():
    """A small lesion hit, a large one missed, a normal image with a false alarm, a clean one."""
    columns = {
        'truth_pixels': [10, 90, 0, 0],
        'predicted_pixels': [10, 0, 20, 0],
        'intersection_pixels': [10, 0, 0, 0],
        'truth_pixels_224': [4, 36, 0, 0],
        'predicted_pixels_224': [6, 0, 8, 0],
        'intersection_pixels_224': [4, 0, 0, 0],
    }
    found = {name: np.array(values, float) for name, values in columns.items()}
    texts = {'source': np.full(4, 's'), 'patient_id': np.array(list('abcd'))}
    return Records(found | texts)


@pytest.mark.parametrize(
    ('convention', 'dice'),
    [
        (ALL, 100 * (1 + 0 + 0 + 1) / 4),
        (GRID, 100 * (0.8 + 0 + 0 + 1) / 4),
        (POOLED, 100 * 20 / (100 + 30)),
        (LESION, 100 * (1 + 0) / 2),
        (LESION_GRID, 100 * (0.8 + 0) / 2),
        (LESION_POOLED, 100 * 20 / (100 + 10)),
    ],
    ids=lambda value: getattr(value, 'name', ''),
)
def test_each_convention_is_what_its_name_says(images, convention, dice):
    assert score(images, convention).value == pytest.approx(dice, abs=1e-4)


def test_predicting_nothing_wins_over_all_images_and_loses_over_lesions(images):
    assert score(images, ALL, empty=True).value == pytest.approx(50, abs=1e-4)
    assert score(images, LESION, empty=True).value == pytest.approx(0, abs=1e-4)


def test_a_test_without_the_224_grid_has_no_score_on_it(images):
    columns = {k: v for k, v in images.columns.items() if not k.endswith('_224')}
    assert np.isnan(score(Records(columns), GRID).value)


def test_the_pairs_that_swap_are_those_whose_ranks_swap(runs):
    *tables, flips = convention_items(runs)
    rows = [dict(zip(flips.columns, row, strict=True)) for row in flips.rows]
    assert any(row['model'] == NOTHING or row['against'] == NOTHING for row in rows)
    assert all(row['difference'] > 0 > row['other difference'] for row in rows)
    ranks = {}
    for dataset, table in zip(runs.datasets, tables, strict=True):
        for line in table.rows:
            for name, value in zip(table.columns, line, strict=True):
                ranks[dataset, line[0], name] = value
    for row in rows:
        for way, sign in ((row['by'], 1), (row['or by'], -1)):
            one, other = (
                ranks[row['data set'], row[name], f'rank, {way}'] for name in ('model', 'against')
            )
            assert sign * (other - one) > 0


def test_ranks_start_at_one_and_follow_the_scores(runs):
    for table in convention_items(runs)[:-1]:
        for index in range(1, len(table.columns) - 1, 2):
            found = sorted((-row[index], row[index + 1]) for row in table.rows)
            assert found[0][1] == 1
            assert [rank for _, rank in found] == sorted(rank for _, rank in found)
