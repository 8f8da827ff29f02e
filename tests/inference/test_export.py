"""Exported checkpoints: whole, without the optimiser, never over another file."""

import pytest
import torch
from experiments import shrink, write_base
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.runner import Runner

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.inference.export import check_export, export_checkpoint


def export(config, checkpoint, out):
    count = export_checkpoint(Config.fromfile(config), checkpoint, out)
    exported = torch.load(out, weights_only=False)
    assert count == len(exported['state_dict'])
    return exported


def train(name, data, folder, **checkpoint):
    cfg = shrink(name, data, folder, pretrained=write_base(folder / 'base.pth', name, data))
    cfg.default_hooks.checkpoint.update(checkpoint)
    runner = Runner.from_cfg(cfg)
    runner.train()
    cfg.dump(folder / 'ours.py')
    return runner


def test_a_small_checkpoint_becomes_whole(prepared, tmp_path):
    runner = train('setr_pup_vpt_cbis', prepared, tmp_path, save_trained_only=True)
    out = tmp_path / 'out' / 'whole.pth'
    exported = export(tmp_path / 'ours.py', tmp_path / 'epoch_3.pth', out)
    assert set(exported) == {'meta', 'state_dict'}
    weights = runner.model.state_dict()
    assert exported['state_dict'].keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in exported['state_dict'].items())
    before = out.read_bytes()
    with pytest.raises(CheckpointError, match=r'whole\.pth exists'):
        export(tmp_path / 'ours.py', tmp_path / 'epoch_3.pth', out)
    assert out.read_bytes() == before


def test_of_averaged_weights_the_average_is_exported(prepared, tmp_path):
    runner = train('setr_pup_vpt_strong_cbis', prepared, tmp_path)
    exported = export(tmp_path / 'ours.py', tmp_path / 'epoch_3.pth', tmp_path / 'out.pth')
    (ema,) = (hook for hook in runner.hooks if isinstance(hook, EMAHook))
    average = ema.ema_model.module.state_dict()
    assert all(torch.equal(value, average[name]) for name, value in exported['state_dict'].items())
    assert not torch.equal(
        average['backbone.prompts'], runner.model.state_dict()['backbone.prompts']
    )


@pytest.mark.parametrize(
    ('name', 'plain'),
    [('setr_pup_lora_cbis', 'setr_pup_finetune_zgt'), ('sam_lora_cbis', 'sam_finetune_zgt')],
)
def test_lora_is_merged_into_a_model_without_it_that_predicts_the_same(
    name, plain, prepared, tmp_path
):
    runner = train(name, prepared, tmp_path)
    export(tmp_path / 'ours.py', tmp_path / 'epoch_3.pth', tmp_path / 'out.pth')
    cfg = shrink(plain, prepared, tmp_path / 'test')
    cfg.load_from = str(tmp_path / 'out.pth')
    whole = Runner.from_cfg(cfg)
    whole.test()
    image = torch.randn(1, 3, 32, 32)
    runner.model.eval()
    with torch.no_grad():
        ours, theirs = (m.extract_feat(image) for m in (runner.model, whole.model))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_a_checkpoint_of_another_config_is_refused(prepared, tmp_path):
    train('setr_pup_vpt_cbis', prepared, tmp_path)
    other = shrink('unet_cbis', prepared, tmp_path)
    other.dump(tmp_path / 'other.py')
    with pytest.raises(CheckpointError, match='is of another model than the config'):
        export(tmp_path / 'other.py', tmp_path / 'epoch_3.pth', tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_a_missing_checkpoint_is_refused_before_anything_is_built(tmp_path):
    with pytest.raises(CheckpointError, match=r'absent\.pth: no such checkpoint'):
        check_export(tmp_path / 'absent.pth', tmp_path / 'out.pth')
