"""Trainings of two stages with tiny models, on the nine images of ``prepared``."""

from experiments import shrink
from mmengine.config import Config
from tool_calls import OURS, call

from mmseg_mammo.engine import work_dir
from mmseg_mammo.io.shipped import find_config


def write_stages(folder, data, epochs=1, finder='unet_finder_cbis', refiner='unet_refiner_cbis'):
    """Write a config of two stages, and those of its stages, into ``folder``; its file.

    Every peak counts, for the models have learned next to nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, shipped in (('finder', finder), ('refiner', refiner)):
        cfg = shrink(shipped, data, folder / 'none', epochs=epochs)
        cfg.pop('work_dir')
        cfg.param_scheduler = []
        cfg.dump(folder / f'{name}.py')
    both = Config.fromfile(find_config('unet_unet_cbis'))
    for split in ('train', 'val', 'test'):
        loader = both[f'{split}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(data)
    for name in ('finder', 'refiner'):
        both.stages[name].config = f'{name}.py'
    both.model.candidates = dict(count=3, min_score=0.0, distance=0.1)
    both.model.crop = dict(share=0.4, batch=4)
    both.dump(folder / 'both.py')
    return folder / 'both.py'


def train(monkeypatch, config, work, *more):
    """Train a config of two stages into a work folder, as ``tools/train.py`` does."""
    try:
        call(monkeypatch, OURS / 'train.py', config, '--work-dir', work, *more)
    finally:
        for lock in work_dir._held:
            lock.release()
