"""A tiny U-Net of the thesis, and its config."""

import pytest
from experiments import shrink
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS


@pytest.fixture(scope='module')
def config():
    return shrink('unet_cbis', 'data', 'work').model


@pytest.fixture(scope='module')
def model(config):
    init_default_scope('mmseg')
    return MODELS.build(config).eval()
