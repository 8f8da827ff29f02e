"""Shipped experiments, shrunk so that tests can run them whole."""

from pathlib import Path

from mmengine.config import Config

from mmseg_mammo.engine.launch import use_side

CONFIGS = Path(__file__).parents[1] / 'configs'


def shrink(name, data, work_dir, epochs=3, pretrained=None):
    """An experiment of ``configs/`` with a tiny model at 32², on the nine images of ``prepared``."""
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    use_side(cfg, 32)
    backbone = cfg.model.backbone
    backbone = backbone.get('module', backbone)
    if backbone.type == 'UNet':
        backbone.base_channels = width = 4
    else:
        backbone.pretrained, width = pretrained, 24
        backbone.arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
        backbone.prompt_length = min(backbone.get('prompt_length', 0), 2)
    cfg.model.decode_head.update(in_channels=width, channels=4)
    for split in ('train', 'val', 'test'):
        if f'{split}_dataloader' in cfg:
            loader = cfg[f'{split}_dataloader']
            loader.update(batch_size=2, num_workers=0, persistent_workers=False)
            loader.dataset.data_root = str(data)
    if 'train_cfg' in cfg:
        cfg.train_cfg.max_epochs = epochs
    cfg.work_dir = str(work_dir)
    return cfg
