"""tools/export_checkpoint.py: whole, without the optimiser, never over another file."""

import runpy
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from experiments import shrink
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmseg.registry import MODELS

TOOL = Path(__file__).parents[1] / 'tools' / 'export_checkpoint.py'


def test_a_small_checkpoint_becomes_whole(prepared, tmp_path, monkeypatch):
    cfg = shrink('setr_pup_vpt_cbis', prepared, tmp_path, pretrained=str(tmp_path / 'base.pth'))
    backbone = MODELS.build(cfg.model.backbone)
    torch.save(backbone.state_dict(), tmp_path / 'base.pth')
    cfg.default_hooks.checkpoint.save_trained_only = True
    runner = Runner.from_cfg(cfg)
    runner.train()
    cfg.dump(tmp_path / 'small.py')
    out = tmp_path / 'out' / 'whole.pth'
    arguments = [str(TOOL), str(tmp_path / 'small.py'), str(tmp_path / 'epoch_3.pth'), str(out)]
    monkeypatch.setattr(sys, 'argv', arguments)
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())  # as in a process of its own
    runpy.run_path(str(TOOL), run_name='__main__')
    exported = torch.load(out, weights_only=False)
    assert set(exported) == {'meta', 'state_dict'}
    weights = runner.model.state_dict()
    assert exported['state_dict'].keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in exported['state_dict'].items())
    with pytest.raises(SystemExit, match=r'whole\.pth exists'):
        runpy.run_path(str(TOOL), run_name='__main__')
