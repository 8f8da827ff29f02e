"""Training record: what a checkpoint says of itself, so that it can be used without its config."""

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import describe_data, members
from mmseg_mammo.engine.config.image_steps import image_steps
from mmseg_mammo.engine.config.stored import plain, plain_settings
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.engine.partial_checkpoint import base_file
from mmseg_mammo.engine.provenance import versions
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_statistics import image_statistics, summarise_statistics
from mmseg_mammo.io.checkpoint_record import FORMAT, read_record
from mmseg_mammo.io.files import read_json, sha256
from mmseg_mammo.io.image import read_image
from mmseg_mammo.models.licences import licence_of
from mmseg_mammo.models.peft.trainable import unwrapped
from mmseg_mammo.preparation.output import OPTIONS_NAME

_SAMPLE = 100  # images whose grey levels are looked at


def describe_training(runner: Any) -> dict[str, Any]:
    """What stays the same over a training: model, input, data, base weights, versions.

    ``docs/predict.md`` describes the fields. Of patients there are counts, no identifiers; of
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
        'base': [_describe_base(role, path) for role, path in _bases(cfg, model)],
        'config': plain_settings(cfg),
    }


def describe_input(cfg: Config) -> dict[str, Any]:
    """How an image becomes the input of the model of a config: steps, size, normalisation."""
    preprocessor = cfg.model.get('data_preprocessor') or {}
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or cfg.train_dataloader
    return {
        'steps': [plain(step) for step in image_steps(loader.dataset.get('pipeline') or ())],
        **{key: plain(preprocessor.get(key)) for key in ('size', 'mean', 'std', 'bgr_to_rgb')},
    }


def describe_images(dataset: Any) -> dict[str, Any]:
    """Quantiles of grey levels and shape of the images of a data set, of at most a hundred.

    They are spread evenly over the data set; see
    :func:`mmseg_mammo.evaluation.image_statistics.image_statistics`.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, _SAMPLE).round().astype(int))
    found = []
    for index in chosen:
        path = dataset.get_data_info(int(index)).get('img_path')
        try:
            found.append(image_statistics(read_image(Path(path))))
        except MammoError as error:  # training will say so too, when it comes to this image
            print_log(f'not in the statistics of the training images: {error}', 'current')
    return {'count': len(found), 'quantiles': summarise_statistics(found)}


def preparation_of(dataset: Any) -> dict[str, Any]:
    """The options with which the images of a data set were prepared; empty if not known, or several."""
    found = []
    for member in members(dataset):
        path = Path(getattr(member, 'ann_file', '')).parent / OPTIONS_NAME
        found.append(read_json(path) if path.is_file() else {})
    return found[0] if all(options == found[0] for options in found) else {}


def _bases(cfg: Config, model: Any) -> list[tuple[str, str]]:
    found = [('pretrained', base_file(model)), ('load_from', cfg.get('load_from'))]
    return [(role, str(path)) for role, path in found if path]


def _describe_base(role: str, path: str) -> dict[str, Any]:
    """A file that the training began from, its licence, and those that it began from itself."""
    file = Path(path)
    try:
        own = read_record(file) if file.is_file() else None
    except MammoError:  # .npz, .safetensors
        own = None
    return {
        'role': role,
        'file': path,
        'sha256': sha256(file),
        **licence_of(file.name)._asdict(),
        'base': own['base'] if own else [],
    }


def _describe(dataset: Any) -> dict[str, Any]:
    if not all(isinstance(member, MammographyDataset) for member in members(dataset)):
        return {'type': type(dataset).__name__, 'images': len(dataset)}
    return describe_data(dataset)
