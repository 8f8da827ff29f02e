"""Tunings of tiny models: starts with random weights, and few-configs for them, shrunk."""

from mmengine.config import Config
from mmengine.runner import Runner
from tiny_models import save_checkpoint

from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.io.shipped import find_config

# The config of the start that each kind of tuning is tried with.
STARTS = {'unet': 'unet_cbis', 'setr': 'setr_pup_vpt_cbis', 'sam': 'sam_finetune_cbis'}


def write_start(folder, name, data, **more):
    """A start: a tiny model of a shipped config with random weights, ``folder/start.pth``."""
    folder.mkdir(parents=True, exist_ok=True)
    return save_checkpoint(folder / 'start.pth', name, data, **more)


def tuning(name, start, data, work_dir, steps=2, options=None, **more):
    """The complete config of a few-config, of few steps, in this process."""
    cfg = Config.fromfile(find_config(f'few/{name}'))
    cfg.merge_from_dict(options or {})
    found = few_config(cfg, start, data, **more)
    for split in ('train', 'val', 'test'):
        loader = found.get(f'{split}_dataloader')
        if loader:
            loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    found.train_cfg.update(max_iters=steps, val_interval=steps)
    found.param_scheduler = None
    found.work_dir = str(work_dir)
    if found.model.get('embedding_cache'):
        found.model.embedding_cache = str(work_dir / 'embeddings')
    return found


def tune(cfg):
    """Train; the runner."""
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner
