"""Stop hook: a training ends in the middle of its schedule, and is not gone on with behind it."""

import pytest
from few_tunings import tune, tuning, write_start

from mmseg_mammo.engine.few.stop import StopAtStepHook


def test_it_ends_after_its_steps_at_the_rates_of_the_whole_schedule(prepared, tmp_path):
    start = write_start(tmp_path / 'start', 'unet_cbis', prepared)
    cfg = tuning('unet_full', start, prepared, tmp_path / 'work', steps=6)
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', eta_min=0, by_epoch=False)]
    cfg.default_hooks.checkpoint.interval = 1
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='StopAtStepHook', steps=3)]
    runner = tune(cfg)
    assert runner.iter == 3
    assert runner.optim_wrapper.get_lr()['lr'][0] == pytest.approx(
        cfg.optim_wrapper.optimizer.lr / 2
    )
    assert (tmp_path / 'work' / 'iter_3.pth').is_file()
    assert (tmp_path / 'work' / 'best.pth').is_file()
    cfg.resume, cfg.load_from = True, str(tmp_path / 'work' / 'iter_3.pth')
    assert tune(cfg).iter == 3


def test_no_step_at_all_is_refused():
    with pytest.raises(ValueError, match='at least 1'):
        StopAtStepHook(steps=0)
