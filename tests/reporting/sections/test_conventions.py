import numpy as np
import pytest

from mmseg_mammo.io.run_folder import PROMPTED, Records
from mmseg_mammo.reporting.scores import FEW
from mmseg_mammo.reporting.sections.conventions import (
    CONVENTIONS,
    _pair_mark,
    _ranks,
    convention_items,
    score,
)
from mmseg_mammo.reporting.sections.results import NOTHING

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
        for way, model, *_, rank, _ in table.rows:
            ranks[dataset, model, way] = rank
    for row in rows:
        for way, sign in ((row['by'], 1), (row['or by'], -1)):
            one, other = (ranks[row['data set'], row[name], way] for name in ('model', 'against'))
            assert sign * (other - one) > 0


def test_a_pair_that_swaps_has_the_marks_of_both(runs):
    sizes = {'all': 24, 'lesion': 4}
    for pair in (('sam_finetune', 'unet'), (NOTHING, 'unet')):
        marks = _pair_mark(pair, runs.on('zgt'), sizes).split('; ')
        assert {'phantom masks', FEW} <= set(marks)
        assert (PROMPTED in marks) == ('sam_finetune' in pair)


def test_ranks_start_at_one_and_follow_the_scores(runs):
    for table in convention_items(runs)[:-1]:
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for way in CONVENTIONS:
            found = sorted(
                (-row['Dice %'], row['rank']) for row in rows if row['convention'] == way.name
            )
            assert len(found) == len(runs.models) + 1
            assert found[0][1] == 1
            assert [rank for _, rank in found] == sorted(rank for _, rank in found)


def test_scores_by_a_convention_have_their_images_beside_them(tables):
    sizes = {(row['convention'], row['images']) for row in tables['conventions_zgt']}
    assert sizes == {(way.name, 13 if way.stratum == 'lesion' else 24) for way in CONVENTIONS}


def test_what_differs_by_the_constant_of_the_formula_alone_is_equal():
    images = Records(
        {
            'truth_pixels': np.array([50.0] * 6),
            'predicted_pixels': np.array([40.0] * 6),
            'intersection_pixels': np.zeros(6),
            'source': np.full(6, 's'),
            'patient_id': np.array(list('abcdef')),
        }
    )
    # A miss with false alarms scores less than 1e-6 % below predicting nothing.
    scores = {'model': score(images, LESION), NOTHING: score(images, LESION, empty=True)}
    assert scores['model'].value < scores[NOTHING].value
    assert set(_ranks(scores).values()) == {1}
