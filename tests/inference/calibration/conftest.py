"""A small model that is sure of itself, and its config, for all tests of calibration."""

import pytest
import torch
from experiments import shrink
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_mammo.engine.config.test_output import use_test_output


@pytest.fixture(scope='module')
def cfg(prepared):
    found = shrink('unet_cbis', prepared, 'work')
    use_test_output(found, temperature=1.0)
    return found


@pytest.fixture(scope='module')
def model(cfg):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    found = MODELS.build(cfg.model).eval()
    torch.nn.init.normal_(found.decode_head.conv_seg.weight, std=20.0)
    return found
