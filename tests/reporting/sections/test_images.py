from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_mammo.evaluation.calibration import calibration_error
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.reporting.scores import has_lesion
from mmseg_mammo.reporting.sections.images import is_last, validation_threshold
from mmseg_mammo.visualization.plots import Figure


def trained(truth, scores, checkpoint='w/epoch_3.pth', last='w/epoch_3.pth'):
    columns = {'truth_pixels': np.array(truth, float), 'max_probability': np.array(scores)}
    training = SimpleNamespace(validation=Records(columns), run={'last_checkpoint': last})
    run = {'checkpoint': checkpoint}
    return SimpleNamespace(training=training, run=run, test_output={})


def test_the_threshold_comes_from_validation_images_with_a_lesion_alone():
    assert validation_threshold(trained([5, 5, 0], [0.8, 0.7, 0.1])) == 0.7


def test_without_validation_there_is_no_threshold():
    assert validation_threshold(trained([0, 0], [0.8, 0.7])) is None
    assert validation_threshold(SimpleNamespace(training=None)) is None


def test_probabilities_of_another_output_have_no_threshold_from_validation():
    test = trained([5, 5, 0], [0.8, 0.7, 0.1])
    test.test_output = {'temperature': 1.0, 'breast_only': True}
    assert validation_threshold(test) is None
    test.training.run['test_output'] = {'breast_only': True}
    assert validation_threshold(test) == 0.7
    test.test_output['flips'] = True
    assert validation_threshold(test) is None


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


def test_calibration_needs_images_with_lesion_and_without(tables, sections, runs):
    assert {row['calibration error'] for row in tables['detection_cbis_ddsm']} == {None}
    for row in tables['detection_zgt']:
        (test,) = (t for t in runs.tests if (t.model, t.dataset) == (row['model'], 'zgt'))
        error = calibration_error(has_lesion(test.images), test.images['max_probability'])
        assert row['calibration error'] == pytest.approx(error, abs=5e-4)
    figures = [item for item in sections['images'].items if isinstance(item, Figure)]
    assert [figure.name for figure in figures] == ['image_level_zgt']
