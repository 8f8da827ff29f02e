from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_curve

from mmseg_mammo.evaluation.calibration import calibration_error, reliability
from mmseg_mammo.evaluation.operating_point import threshold_for
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.sections.images import is_last, validation_threshold
from mmseg_mammo.visualization.plots import Figure


def test_the_threshold_is_the_highest_that_finds_95_percent():
    scores = np.arange(1, 21) / 20
    threshold = threshold_for(scores)
    assert threshold == 0.1  # 19 of 20 are at least 0.1, 18 at least 0.15
    assert threshold_for(scores[:5]) == 0.05  # of five, none may be missed
    assert threshold_for(np.arange(100)) == 5


def test_specificity_there_is_that_of_scikit_learns_roc():
    generator = np.random.default_rng(0)
    lesion, scores = generator.random(300) < 0.4, generator.random(300)
    scores = (scores + 0.3 * lesion).clip(0, 1)
    false, true, _ = roc_curve(lesion, scores, drop_intermediate=False)
    wanted = 1 - false[true >= 0.95].min()
    ours = (scores[~lesion] < threshold_for(scores[lesion])).mean()
    assert ours == pytest.approx(wanted)


def test_reliability_is_scikit_learns():
    generator = np.random.default_rng(0)
    scores = generator.random(200)
    positive = generator.random(200) < scores
    expected, observed, sizes = reliability(positive, scores)
    true, predicted = calibration_curve(positive, scores, n_bins=10)
    assert (observed, expected) == (pytest.approx(true), pytest.approx(predicted))
    assert sizes.sum() == 200


def test_calibration_error_by_hand():
    scores = np.array([0.25, 0.25, 0.25, 0.25, 1.0, 1.0])
    positive = np.array([1, 0, 0, 0, 1, 0], bool)
    # Four images of 0.25 with a share of 1/4, two of 1.0 with a share of 1/2.
    assert calibration_error(positive, scores) == pytest.approx((4 * 0 + 2 * 0.5) / 6)


def trained(truth, scores, checkpoint='w/epoch_3.pth', last='w/epoch_3.pth'):
    columns = {'truth_pixels': np.array(truth, float), 'max_probability': np.array(scores)}
    training = SimpleNamespace(validation=Records(columns), run={'last_checkpoint': last})
    return SimpleNamespace(training=training, run={'checkpoint': checkpoint})


def test_the_threshold_comes_from_validation_images_with_a_lesion_alone():
    assert validation_threshold(trained([5, 5, 0], [0.8, 0.7, 0.1])) == 0.7


def test_without_validation_there_is_no_threshold():
    assert validation_threshold(trained([0, 0], [0.8, 0.7])) is None
    assert validation_threshold(SimpleNamespace(training=None)) is None


def test_another_checkpoint_than_the_last_is_noticed():
    assert is_last(trained([1], [1.0]))
    assert is_last(trained([1], [1.0], '/else/w/epoch_3.pth'))
    assert not is_last(trained([1], [1.0], 'w/best_lesion_dice_epoch_2.pth'))


def test_tables_show_test_scores_at_the_validation_threshold(tables, runs):
    for row in tables['threshold_zgt']:
        test = next(t for t in runs.on('zgt') if t.model == row['model'])
        lesion = test.images['truth_pixels'] > 0
        above = test.images['max_probability'] >= validation_threshold(test)
        assert row['sensitivity %'] == pytest.approx(100 * above[lesion].mean(), abs=0.006)
        assert row['specificity %'] == pytest.approx(100 * (~above[~lesion]).mean(), abs=0.006)


def test_a_data_set_without_normal_images_has_no_specificity_and_no_auroc(tables):
    assert {row['AUROC'] for row in tables['detection_cbis_ddsm']} == {None}
    assert None not in {row['AUROC'] for row in tables['detection_zgt']}
    assert {row['specificity %'] for row in tables['threshold_cbis_ddsm']} == {None}


def test_calibration_needs_images_with_lesion_and_without(tables, sections):
    assert {row['calibration error'] for row in tables['detection_cbis_ddsm']} == {None}
    assert None not in {row['calibration error'] for row in tables['detection_zgt']}
    figures = [item for item in sections['images'].items if isinstance(item, Figure)]
    assert [figure.name for figure in figures] == ['image_level_zgt']
