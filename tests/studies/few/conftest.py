"""A cross-validation, and a tuning by folds, that several tests share."""

import pytest
from few_tunings import write_start
from fold_trainings import LEARNS, train, tune, write_config


@pytest.fixture(scope='session')
def divided(prepared, tmp_path_factory):
    """Config and work folder of a training with three folds. Not to be changed."""
    folder = tmp_path_factory.mktemp('folds')
    config = write_config(folder / 'configs', prepared)
    train(config, '--folds', 3, '--work-dir', folder / 'work')
    return config, folder / 'work'


@pytest.fixture(scope='session')
def start(prepared, tmp_path_factory):
    """A checkpoint of a tiny U-Net with random weights, to tune."""
    return write_start(tmp_path_factory.mktemp('start'), 'unet_cbis', prepared)


@pytest.fixture(scope='session')
def fitted(prepared, start, tmp_path_factory):
    """Work folder of a tuning by three folds. Not to be changed."""
    work = tmp_path_factory.mktemp('fit') / 'work'
    tune('few/unet_full', start, prepared, work, *LEARNS)
    return work
