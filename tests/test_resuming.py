"""A training that was killed and resumed ends where an uninterrupted one ends, bit for bit."""

from pathlib import Path

import pytest
import torch
from experiments import shrink, train


def recipe(name, data, work_dir):
    """Strong or thesis, with rules so short that they fire within six epochs."""
    cfg = shrink(name, data, work_dir, epochs=6)
    cfg.model.decode_head.dropout_ratio = 0.3
    if name == 'unet_cbis':
        cfg.optim_wrapper.optimizer.lr = 0.05
        cfg.param_scheduler[0].patience = 0
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)  # as shipped
    return cfg


def tensors(value, prefix=''):
    """Every tensor and number of a checkpoint, by its path."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (list, tuple)):
        pairs = enumerate(value)
    else:
        return {prefix: value}
    return {k: v for key, item in pairs for k, v in tensors(item, f'{prefix}/{key}').items()}


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_strong_cbis'])
def test_killed_and_resumed_is_uninterrupted(name, prepared, tmp_path):
    train(recipe(name, prepared, tmp_path / 'whole'))
    train(recipe(name, prepared, tmp_path / 'parts'), kill=3)
    assert (tmp_path / 'parts' / 'last_checkpoint').read_text().endswith('epoch_3.pth')
    cfg = recipe(name, prepared, tmp_path / 'parts')
    cfg.resume = True
    train(cfg)
    whole, parts = (
        torch.load(tmp_path / folder / 'epoch_6.pth', weights_only=False)
        for folder in ('whole', 'parts')
    )
    for part in ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers'):
        ours, theirs = tensors(whole.get(part, {})), tensors(parts.get(part, {}))
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            same = (
                torch.equal(value, theirs[key]) if torch.is_tensor(value) else value == theirs[key]
            )
            assert same, (part, key)
    ours, theirs = whole['message_hub']['runtime_info'], parts['message_hub']['runtime_info']
    assert ours['best_score'] == theirs['best_score']
    assert Path(ours['best_ckpt']).name == Path(theirs['best_ckpt']).name
    kept = {path.name for path in (tmp_path / 'parts').glob('*.pth')}
    assert kept == {path.name for path in (tmp_path / 'whole').glob('*.pth')}
    assert len(kept) == 3  # the last, the best, and the best under the name that stays
