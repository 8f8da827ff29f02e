from types import SimpleNamespace

import pytest

from mmseg_mammo.reporting.sections.curves import is_running_mean


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
