"""Shipped experiments, shrunk so that tests can run them whole; trainings that are killed."""

import copy
import functools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_mammo.engine.config.edits import use_side
from mmseg_mammo.io.shipped import find_config

TWO_STEPS = ['ReadMammogram', 'MapIntensity']
CONFIGS = Path(__file__).parents[2] / 'configs'
# A windowed and a global block; 2×2 patches in windows of 3×3.
TINY_SAM = dict(
    embed_dim=16, depth=2, num_heads=2, global_attn_indexes=(1,), window_size=3, out_chans=32
)


def shrink(name, data, work_dir, epochs=3, pretrained=None):
    """An experiment of ``configs/`` with a tiny model at 32², on the nine images of ``prepared``."""
    cfg = copy.deepcopy(_config(name))
    use_side(cfg, 32)
    if cfg.model.type == 'SAMSegmentor':
        shrink_sam(cfg.model, work_dir, pretrained)
    else:
        shrink_encoder_decoder(cfg.model, pretrained)
    for split in ('train', 'val', 'test'):
        if cfg.get(f'{split}_dataloader'):
            loader = cfg[f'{split}_dataloader']
            loader.update(batch_size=2, num_workers=0, persistent_workers=False)
            loader.dataset.data_root = str(data)
            loader.dataset.pop('normal_sources', None)  # its own normal images are enough
    if 'train_cfg' in cfg:
        cfg.train_cfg.max_epochs = epochs
    cfg.work_dir = str(work_dir)
    return cfg


@functools.cache
def _config(name):
    return Config.fromfile(find_config(name))


def shrink_encoder_decoder(model, pretrained):
    backbone = model.backbone.get('module', model.backbone)
    if backbone.type == 'UNet':
        backbone.base_channels = width = 4
    else:
        backbone.pretrained, width = pretrained, 24
        backbone.arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
        backbone.prompt_length = min(backbone.get('prompt_length', 0), 2)
    model.decode_head.update(in_channels=width, channels=4)
    if model.get('presence_head'):  # on bottleneck and last features, or on tokens
        channels = (16 * width, width) if backbone.type == 'UNet' else width
        model.presence_head.update(in_channels=channels, hidden_channels=8)


def shrink_sam(model, work_dir, pretrained):
    encoder = model.image_encoder.get('module', model.image_encoder)
    encoder.arch = TINY_SAM
    model.pretrained = pretrained
    if model.get('embedding_cache'):
        model.embedding_cache = str(Path(work_dir) / 'embeddings')


def in_one_step(cfg):
    """A config as earlier versions wrote it: ``LoadMammogram`` in place of its two steps."""

    def folded(value):
        if isinstance(value, dict):
            return {key: folded(child) for key, child in value.items()}
        if not isinstance(value, (list, tuple)):
            return value
        steps = [folded(child) for child in value]
        if [step.get('type') for step in steps[:2] if isinstance(step, dict)] == TWO_STEPS:
            steps[:2] = [{**steps[0], **steps[1], 'type': 'LoadMammogram'}]
        return type(value)(steps)

    return Config(folded(cfg.to_dict()))


@torch.no_grad()
def halve(model, item):
    """Shift the output of a segmentor at random until about half of an image is lesion.

    Args:
        model: With one output channel, changed in place.
        item: Of a data set.
    """
    data = model.eval().data_preprocessor({key: [value] for key, value in item.items()})
    logits = model.forward(data['inputs'], mode='tensor')
    threshold = torch.tensor(model.decode_head.threshold)
    model.decode_head.conv_seg.bias += torch.logit(threshold) - logits.median()


def write_base(path, name, data, seed=10):
    """A pre-trained file for the shrunk experiment ``name``, with random weights of its own."""
    init_default_scope('mmseg')
    kind = 'sam_finetune_cbis' if name.startswith('sam') else 'setr_pup_head_cbis'
    model = shrink(kind, data, path.parent).model
    torch.manual_seed(seed)
    built = MODELS.build(model if name.startswith('sam') else model.backbone)
    path.parent.mkdir(parents=True, exist_ok=True)
    # As a training of ours writes it: its config says how images were normalised.
    state = {
        'meta': {'cfg': Config(dict(model=model)).pretty_text},
        'state_dict': built.state_dict(),
    }
    torch.save(built.state_dict() if name.startswith('sam') else state, path)
    return str(path)


class Kill(Hook):
    """End the process in the middle of an epoch, as Ctrl-C would."""

    def __init__(self, epoch):
        self.epoch = epoch

    def after_train_iter(self, runner, *parts, **more):
        if runner.epoch == self.epoch:
            raise KeyboardInterrupt


def train(cfg, kill=None):
    """Train; ``kill`` is an epoch that is not finished. The runner."""
    runner = Runner.from_cfg(cfg)
    if kill is None:
        runner.train()
    else:
        runner.register_hook(Kill(kill))
        with pytest.raises(KeyboardInterrupt):
            runner.train()
    workers = runner.train_dataloader._iterator
    if workers is not None:  # garbage collection would wait for them, seconds each
        workers._shutdown_workers()
    return runner
