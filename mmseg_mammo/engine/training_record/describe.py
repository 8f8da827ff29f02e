"""Training record: what a checkpoint says of itself, so that it can be used without its config."""

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import describe_data, members
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import image_steps
from mmseg_mammo.engine.config.stored import plain, plain_settings
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.engine.few.record import describe_tuning
from mmseg_mammo.engine.partial_checkpoint import base_file
from mmseg_mammo.engine.provenance import versions
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import FORMAT, read_record
from mmseg_mammo.io.files import read_json, sha256
from mmseg_mammo.io.image import read_image
from mmseg_mammo.models.licences import licence_of
from mmseg_mammo.models.peft.trainable import unwrapped
from mmseg_mammo.preparation.image_statistics import (
    QUANTILES,
    image_statistics,
    summarise_statistics,
)
from mmseg_mammo.preparation.likeness import features_of, to_record
from mmseg_mammo.preparation.output import OPTIONS_NAME

_SAMPLE = 100  # images whose grey levels are looked at
_THREADS = 4  # that read them; decoding takes most of the time


def describe_training(runner: Any) -> dict[str, Any]:
    """What stays the same over a training: model, input, data, base weights, versions.

    ``docs/weights.md`` describes the fields. Of patients there are counts, no identifiers; of
    data the hash of the index.

    Args:
        runner: Of MMEngine, whose loops are built.
    """
    cfg, model = runner.cfg, unwrapped(runner.model)
    loops = {'train': runner.train_loop, 'val': runner.val_loop}
    data = {name: loop.dataloader.dataset for name, loop in loops.items() if loop}
    return {
        'format': FORMAT,
        'versions': versions(),
        'name': Path(cfg.filename).stem if cfg.filename else 'unnamed',
        'model': type(model).__name__,
        'input': describe_input(cfg),
        'threshold': threshold_of(cfg),
        'trained_on': {name: _describe(dataset) for name, dataset in data.items()},
        'images': describe_images(data['train']),
        'preparation': preparation_of(data['train']),
        'base': _bases(runner, model),
        'config': plain_settings(cfg),
        **describe_tuning(cfg, model),
    }


def describe_input(cfg: Config) -> dict[str, Any]:
    """How an image becomes the input of the model of a config: steps, size, normalisation."""
    preprocessor = cfg.model.get('data_preprocessor') or {}
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or cfg.train_dataloader
    pipelines = [each.get('pipeline') or () for _, each in datasets_of(loader, '')]
    return {
        'steps': [plain(step) for step in image_steps(pipelines[0] if pipelines else ())],
        **{key: plain(preprocessor.get(key)) for key in ('size', 'mean', 'std', 'bgr_to_rgb')},
    }


def describe_images(dataset: Any) -> dict[str, Any]:
    """Quantiles of grey levels and shape of the mammograms of a data set, of at most a hundred.

    They are spread evenly over the data set; see
    :func:`mmseg_mammo.preparation.image_statistics.image_statistics`. ``features`` has the numbers of
    each that new images are compared by, in no order of the data set, and no name. Data sets of the
    host or of a user have none.
    """
    read = read_training_images(dataset)
    found = [statistics for _, statistics in read]
    missing = min(len(dataset), _SAMPLE) - len(found) if _is_ours(dataset) else 0
    if missing:  # training says why, when it comes to such an image
        print_log(f'{missing} images are not in the statistics of the checkpoint', 'current')
    quantiles = summarise_statistics(found)
    return {
        'count': len(found),
        'percent': list(QUANTILES),
        'quantiles': quantiles,
        'features': to_record(
            [features_of(each, item.get('laterality', '')) for item, each in read]
        ),
    }


def read_training_images(dataset: Any) -> list[tuple[Mapping[str, Any], dict[str, float]]]:
    """Those images of :func:`describe_images`, in the order of the data set: item and statistics."""
    if not _is_ours(dataset):
        return []
    chosen = np.unique(np.linspace(0, len(dataset) - 1, _SAMPLE).round().astype(int))
    items = [dataset.get_data_info(int(index)) for index in chosen]
    with ThreadPoolExecutor(_THREADS) as pool:
        pairs = zip(items, pool.map(_statistics, items), strict=True)
        return [(item, each) for item, each in pairs if each is not None]


def preparation_of(dataset: Any) -> dict[str, Any]:
    """The options with which the images of a data set were prepared; empty if not known, or several.

    The path of the raw data is left out: it may tell more of a hospital than a checkpoint should.
    """
    found = []
    for member in members(dataset):
        path = Path(getattr(member, 'ann_file', '')).parent / OPTIONS_NAME
        try:
            found.append({k: v for k, v in read_json(path).items() if k != 'input'})
        except MammoError:  # prepared by hand, or by an earlier version
            found.append({})
    return found[0] if all(options == found[0] for options in found) else {}


def _statistics(item: Mapping[str, Any]) -> dict[str, float] | None:
    path = Path(item['img_path'])
    try:
        return _statistics_of(path, path.stat().st_mtime_ns)
    except (MammoError, OSError):
        return None


@functools.lru_cache(maxsize=10 * _SAMPLE)  # the trials of a search have the same images
def _statistics_of(path: Path, _changed: int) -> dict[str, float]:
    return image_statistics(read_image(path))


def _bases(runner: Any, model: Any) -> list[dict[str, Any]]:
    """The files that a training began from, also if it goes on from a checkpoint of its own."""
    cfg = runner.cfg
    if cfg.get('resume'):
        resumed = cfg.get('load_from') or find_latest_checkpoint(runner.work_dir)
        record = _record_of(Path(resumed)) if resumed else None
        if record is not None:
            return record['base']
    found = [('pretrained', base_file(model))]
    found += [] if cfg.get('resume') else [('load_from', cfg.get('load_from'))]
    files = {
        str(path): role for role, path in reversed(found) if path
    }  # one file in both roles: once
    return [_describe_base(role, path) for path, role in reversed(files.items())]


def _record_of(file: Path) -> dict[str, Any] | None:
    try:
        return read_record(file)
    except MammoError:  # .npz, .safetensors, or not here
        return None


def _describe_base(role: str, path: str) -> dict[str, Any]:
    """A file that the training began from, its licence, and those that it began from itself."""
    file = Path(path)
    own = _record_of(file)
    return {
        'role': role,
        'file': path,
        'sha256': sha256(file),
        **licence_of(file.name)._asdict(),
        'base': own['base'] if own else [],
    }


def _describe(dataset: Any) -> dict[str, Any]:
    if not _is_ours(dataset):
        return {'type': type(dataset).__name__, 'images': len(dataset)}
    return describe_data(dataset)


def _is_ours(dataset: Any) -> bool:
    return all(isinstance(member, MammographyDataset) for member in members(dataset))
