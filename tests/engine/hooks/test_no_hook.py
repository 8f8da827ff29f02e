"""A hook that is inherited is switched off in a way that mmengine's own runner takes."""

import pytest
from experiments import CONFIGS, shrink
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.runner import Runner

from mmseg_mammo.engine.hooks.early_stopping import EarlyStopOnTrainingLossHook


def test_the_demo_without_averaging_runs_with_mmengines_own_runner(tmp_path):
    cfg = Config.fromfile(CONFIGS / 'demo' / 'unet_cbis.py')
    cfg.work_dir = str(tmp_path)
    assert not any(isinstance(hook, EMAHook) for hook in Runner.from_cfg(cfg).hooks)


@pytest.mark.parametrize(
    ('name', 'hook', 'kind'),
    [
        ('unet_strong_cbis', 'ema', EMAHook),
        ('unet_cbis', 'early_stop', EarlyStopOnTrainingLossHook),
    ],
)
def test_any_hook_can_be_switched_off_on_the_command_line(name, hook, kind, prepared, tmp_path):
    cfg = shrink(name, prepared, tmp_path)
    assert any(isinstance(one, kind) for one in Runner.from_cfg(cfg).hooks)
    cfg.merge_from_dict({f'default_hooks.{hook}.type': 'NoHook'})
    assert not any(isinstance(one, kind) for one in Runner.from_cfg(cfg).hooks)
