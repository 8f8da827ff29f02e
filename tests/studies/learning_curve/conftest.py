"""A hospital of few tiny images, a start, and few-configs that train for two steps."""

import pytest
from few_tunings import write_start
from learning_curves import tiny_few, write_hospital


@pytest.fixture(scope='session')
def hospital(tmp_path_factory):
    """Ten patients of the split train, six of test; one image each, every fourth normal."""
    return write_hospital(tmp_path_factory.mktemp('hospital'))


@pytest.fixture(scope='session')
def start(tmp_path_factory, hospital):
    """A tiny U-Net with random weights."""
    return write_start(tmp_path_factory.mktemp('start'), 'unet_cbis', hospital)


@pytest.fixture(scope='session')
def few():
    """``few/unet_full`` of two steps, in this process."""
    return tiny_few('unet_full')
