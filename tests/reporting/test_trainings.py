"""Trainings of a report: which one a checkpoint is of, if it has several."""

import json
import shutil
from pathlib import PurePath

from runs import change_run

from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.trainings import find_trainings, training_of


def trained_in(one, folder):
    """A training as it is, in the folder of a part, from which its checkpoint is far."""
    run = one / folder / '20260101_000000'
    shutil.copytree(one / '20260101_000000', run)
    change_run(run, last_checkpoint=f'work_dirs/unet_cbis/{folder}/iter_9.pth')
    return run, json.loads((run / 'run.json').read_text())


def found(one, runs, checkpoint):
    trained = find_trainings(runs, {})
    return training_of({'checkpoint': checkpoint}, PurePath(checkpoint), trained)


def test_a_model_of_two_stages_was_trained_on_the_data_of_its_finder(one):
    """Its curves are those of neither stage."""
    for stage in ('finder', 'refiner'):
        run = shutil.copytree(one / '20260101_000000', one / stage / '20260101_000000')
        change_run(run, last_checkpoint=f'work_dirs/unet_cbis/{stage}/epoch_3.pth')
    shutil.rmtree(one / '20260101_000000')
    for path in one.glob('*/per_image_test.csv'):
        change_run(path.parent, checkpoint='work_dirs/unet_cbis/best.pth')
    runs = find_runs([one])
    assert {test.training.dataset for test in runs.tests} == {'cbis_ddsm'}
    assert {test.training.curves for test in runs.tests} == {()}
    assert not any('its training is not below' in warning for warning in runs.warnings)


def test_a_checkpoint_beside_the_last_training_of_folds_is_of_it(one):
    runs = [trained_in(one, folder) for folder in ('final', 'fold_1', 'fold_2')]
    assert (
        found(one, runs, 'work_dirs/unet_cbis/best.pth')
        .run['last_checkpoint']
        .endswith('unet_cbis/best.pth')
    )


def test_a_start_that_a_tuning_kept_was_trained_elsewhere(one):
    """A model of folds has no last training, either; its folds are what it was trained by."""
    runs = [trained_in(one, folder) for folder in ('fold_1', 'fold_2')]
    best = 'work_dirs/unet_cbis/best.pth'
    assert found(one, runs, best) is not None
    (one / 'few.json').write_text('{}')
    assert found(one, runs, best) is None


def test_what_was_kept_of_several_tunings_was_trained_by_that(one):
    runs = [trained_in(one, f'{name}/final') for name in ('unet_head', 'unet_full')]
    best = 'work_dirs/unet_cbis/best.pth'
    assert found(one, runs, best) is None
    rows = ('start,', 'few/unet_head,', 'few/unet_full,yes', 'auto,')
    (one / 'auto.csv').write_text('\n'.join(['tuning,chosen', *rows]))
    assert found(one, runs, best).run['last_checkpoint'] == best
    assert found(one, runs, 'work_dirs/unet_cbis/unet_head/final/iter_9.pth') is not None
    (one / 'auto.csv').write_text('tuning,chosen\nstart,yes\nfew/unet_full,\n')
    assert found(one, runs, best) is None


def test_a_tuning_in_a_folder_of_a_tuning_is_one_of_its_own(one):
    runs = [trained_in(one, folder) for folder in ('final', 'second/final')]
    for home in ('', 'second/'):
        best = f'work_dirs/unet_cbis/{home}best.pth'
        assert found(one, runs, best).run['last_checkpoint'] == best
