"""What a training logs of its validations is what they gave, not a mean over them."""

import json
import re
from contextlib import redirect_stdout
from io import StringIO
from types import SimpleNamespace

import pytest
import torch
from experiments import shrink
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_mammo.engine.runner import build
from mmseg_mammo.io.shipped import find_config

EPOCHS = 3


class Keep(Hook):
    """Remember what each validation gave."""

    priority = 'LOWEST'

    def __init__(self):
        self.given = []

    def after_val_epoch(self, runner, metrics=None):
        self.given.append(dict(metrics))


@pytest.fixture(scope='module')
def trained(prepared, tmp_path_factory):
    """A strong training of three epochs that marks pixels from the start; its console."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = strong(prepared, folder)
    console = StringIO()
    with redirect_stdout(console):
        runner, keep = build(cfg), Keep()
        runner.register_hook(keep)
        runner.train()
    (log,) = folder.glob('*/*.log')
    return SimpleNamespace(
        cfg=cfg, runner=runner, given=keep.given, log=log, console=console.getvalue(), folder=folder
    )


def strong(prepared, folder):
    cfg = shrink('unet_strong_cbis', prepared, folder, epochs=EPOCHS)
    cfg.model.decode_head.init_cfg.update(bias_prob=0.5, std=1.0)
    cfg.optim_wrapper.optimizer.lr = 0.01
    cfg.randomness.seed = 2
    return cfg


def test_scalars_json_and_the_log_have_the_raw_scores_of_each_validation(trained):
    lines = trained.log.with_name('vis_data').joinpath('scalars.json').read_text().splitlines()
    logged = [line for line in map(json.loads, lines) if 'val_loss' in line]
    hub = trained.runner.message_hub.log_scalars
    assert len(trained.given) == len(logged) == EPOCHS
    losses = [scores['val_loss'] for scores in trained.given]
    assert len(set(losses)) == EPOCHS  # else a mean would not show
    for name in trained.given[0]:
        history = hub[f'val/{name}'].data[0].tolist()
        given = [scores[name] for scores in trained.given]
        assert history == pytest.approx(given, nan_ok=True, abs=0), name
        assert [line[name] for line in logged] == pytest.approx(given, nan_ok=True, abs=0), name
    text = re.findall(r'val_loss: (\S+)', trained.log.read_text())
    assert text == [f'{loss:.4f}' for loss in losses]


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_strong_cbis', 'sam_finetune_cbis'])
def test_losses_of_steps_are_smoothed_and_no_score_of_a_validation(name):
    pattern = Config.fromfile(find_config(name)).log_processor.mean_pattern
    of_steps = ('loss', 'decode.loss_ce', 'aux_0.loss_dice', 'loss_mask', 'train/decode.loss_ce')
    others = ('time', 'data_time', 'grad_norm', 'train/time', 'val/time')
    scores = ('val_loss', 'val_decode.loss_ce', 'val/val_loss', 'val/val_decode.loss_ce')
    foreign = ('surface_loss', 'val/surface_loss', 'overtime', 'raw_lesion_dice')
    assert all(re.search(pattern, key) for key in (*of_steps, *others))
    assert not any(re.search(pattern, key) for key in (*scores, *foreign))


def test_raw_and_averaged_scores_are_those_of_the_weights_in_the_checkpoint(
    trained, prepared, tmp_path
):
    """The state dict is the average; the raw weights lie beside it."""
    saved = torch.load(trained.folder / f'epoch_{EPOCHS}.pth', weights_only=False)
    states = {
        '': saved['state_dict'],
        'raw_': {
            name.removeprefix('module.'): value
            for name, value in saved['ema_state_dict'].items()
            if name.startswith('module.')
        },
    }
    last = trained.given[-1]
    assert last['lesion_dice'] > 1
    assert last['lesion_dice'] != last['raw_lesion_dice']
    for prefix, state in states.items():
        cfg = strong(prepared, tmp_path / f'{prefix}weights')
        cfg.default_hooks.ema.type = 'NoHook'
        runner = Runner.from_cfg(cfg)
        runner.model.load_state_dict(state)
        runner._has_loaded = True  # else the weights are drawn anew
        scores = runner.val()
        assert scores['lesion_dice'] == pytest.approx(last[f'{prefix}lesion_dice'], abs=1e-4)
        assert 'raw_lesion_dice' not in scores


def test_the_console_has_a_line_for_each_epoch_and_the_file_everything(trained):
    lines = [line for line in trained.console.splitlines() if 'epoch' in line and ' of 3' in line]
    assert len(lines) == EPOCHS
    for number, (line, scores) in enumerate(zip(lines, trained.given, strict=True), start=1):
        assert f'epoch {number} of {EPOCHS}: loss ' in line
        assert f'validation loss {scores["val_loss"]:.4f}' in line
        assert f'lesion Dice {scores["lesion_dice"]:.2f}' in line
        assert f'raw {scores["raw_lesion_dice"]:.2f}' in line
        best = max(one['lesion_dice'] for one in trained.given[:number])
        assert f'best {best:.2f}' in line
        assert (' left' in line) == (number < EPOCHS)
    assert str(trained.log) in trained.console
    assert 'Parameters: ' in trained.console
    assert len(trained.console.splitlines()) < 15
    whole = trained.log.read_text()
    for text in ('Config:', 'Hooks will be executed', 'Epoch(val) [3]', 'predict nothing', *lines):
        assert text.split('  ', 1)[-1] in whole
