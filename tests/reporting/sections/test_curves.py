from types import SimpleNamespace

import pytest

from mmseg_mammo.reporting.sections.curves import curves, is_running_mean


def test_curves_have_one_value_for_each_epoch(runs):
    found = curves(runs.tests[0].training)
    assert found['iou'] == {1: 10.0, 2: 20.0, 3: 30.0}
    assert list(found['val_loss']) == list(found['epoch_loss']) == [1, 2, 3]


def test_steps_of_training_are_not_epochs():
    lines = ({'loss': 1.0, 'epoch_loss': 9.0, 'iter': 5, 'step': 5}, {'epoch_loss': 2.0, 'step': 1})
    assert curves(SimpleNamespace(curves=lines))['epoch_loss'] == {1: 2.0}


def test_of_an_epoch_that_a_resumed_training_ran_twice_the_later_counts():
    lines = ({'iou': 1.0, 'step': 2}, {'iou': 5.0, 'step': 1}, {'iou': 3.0, 'step': 2})
    assert curves(SimpleNamespace(curves=lines))['iou'] == {1: 5.0, 2: 3.0}


def test_every_training_has_a_figure(sections, runs):
    figures = sections['curves'].items
    assert len(figures) == len(runs.models)
    assert '3 epochs' in figures[0].alt


@pytest.mark.parametrize(
    ('config', 'scalars', 'mean'),
    [
        ('log_processor = dict(by_epoch=True)', '{"val_loss": 1.0, "step": 1}', True),
        ("log_processor = dict(mean_pattern='x')", '{"val_loss": 1.0, "step": 1}', False),
        ('log_processor = dict(by_epoch=True)', '{"lesion_dice": 1.0, "step": 1}', False),
        (None, '{"val_loss": 1.0, "step": 1}', False),
    ],
)
def test_a_run_whose_validation_loss_was_smoothed_is_told_by_its_config(
    config, scalars, mean, tmp_path
):
    folder = tmp_path / '20260101_000000' / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text(scalars)
    if config:
        (folder / 'config.py').write_text(config)
    assert is_running_mean(SimpleNamespace(work_dir=tmp_path)) == mean
