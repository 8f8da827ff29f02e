"""Training with its loading has a twin without."""

import copy

import pytest
from experiments import shrink

from mmseg_mammo.benchmark.epoch import measure_loading


def test_steps_with_loading_and_without(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    before = copy.deepcopy(cfg.to_dict())
    found = measure_loading(cfg, images=1, warmup=1, steps=2, folder=tmp_path / 'cache')
    assert found['ratio'] == pytest.approx(found['seconds_per_step'] / found['alone_seconds'])
    assert 0 < found['wait_share'] < 1
    assert found['workers'] == 0
    assert [*(tmp_path / 'cache').iterdir()]
    assert cfg.to_dict() == before
