import numpy as np
import pytest
from learning_curves import TUNINGS, make_curve

from mmseg_mammo.evaluation.learning_curve.tables import curves_of
from mmseg_mammo.io.tables.learning_curve import CurveTables, write_curve


def test_points_are_means_over_seeds_and_images(tmp_path):
    tables = make_curve(tmp_path)
    found = curves_of(tables)
    assert list(found.points) == list(TUNINGS)
    dice = [
        float(line['lesion_dice'])
        for line in tables.patients
        if (line['config'], line['count']) == ('unet_bias', '20')
    ]
    point = found.points['unet_bias']['20']
    assert len(dice) == 75
    assert point.score.value == pytest.approx(np.mean(dice))
    assert (point.images, point.patients, point.seeds) == (20, 10, 3)
    assert found.start.score.low < found.start.score.value < found.start.score.high
    assert [each.images for each in found.of('unet_full')] == [5, 10, 20, 40, 80, 128]
    assert found.incomplete == 0


def folds(tmp_path, missing=()):
    """One count of two seeds, tested in two folds of ten patients each."""
    cells, lines = [], []
    for seed in (0, 1):
        for fold in (1, 2):
            if (seed, fold) in missing:
                continue
            key = {'config': 'a', 'count': '5', 'seed': seed, 'fold': fold}
            cells.append(
                {**key, 'unit': 'images', 'images': 4 + fold, 'patients': 3, 'lesion_images': 5}
            )
            lines += [
                {
                    **key,
                    'patient': f'{fold}/{n}',
                    'lesion_images': 1,
                    'lesion_dice': 10 * fold + seed,
                }
                for n in range(10)
            ]
    return write_curve(tmp_path, cells, lines)


def test_folds_of_a_seed_are_put_together(tmp_path):
    found = curves_of(folds(tmp_path))
    point = found.points['a']['5']
    assert point.seeds == 2
    assert point.score.value == pytest.approx(15.5)
    assert point.images == 5.5
    assert found.incomplete == 0


def test_a_seed_without_all_its_folds_does_not_count(tmp_path):
    found = curves_of(folds(tmp_path, missing=[(1, 2)]))
    assert found.points['a']['5'].seeds == 1
    assert found.points['a']['5'].score.value == 15
    assert found.incomplete == 1


def test_a_study_in_which_no_lesion_was_tested_has_no_points(tmp_path):
    tables = make_curve(tmp_path)
    found = curves_of(CurveTables(tmp_path, tables.cells, ()))
    assert (found.points, found.start) == ({}, None)
