"""Config edits: apply options of the command line to a config."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.image_steps import image_steps, resizes
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.devices import on_gpu
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME


def use_mixed_precision(cfg: Config) -> None:
    """Train in automatic mixed precision: float16 as MMSegmentation's ``--amp``, bfloat16 on CPU."""
    if not on_gpu():
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    elif type_name(cfg.optim_wrapper.type) != 'BFloat16OptimWrapper':
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def use_side(cfg: Config, side: int) -> None:
    """Resize every input to ``side``² pixels: in all pipelines, the preprocessor and the backbone.

    Args:
        cfg: Changed in place.
        side: Pixels; :func:`.check_side` says which the model can divide.
    """
    _set_sides(cfg._cfg_dict, side)
    preprocessor = cfg.model.data_preprocessor
    preprocessor.size = (side, side)
    if preprocessor.get('test_cfg'):  # images are padded in tests, too
        preprocessor.test_cfg.size = (side, side)


def _set_sides(node: Any, side: int) -> None:
    if isinstance(node, dict):
        if resizes(node.get('type')):
            node['scale'] = (side, side)
        if 'img_size' in node:
            node['img_size'] = side
    if isinstance(node, (dict, list, tuple)):
        for child in node.values() if isinstance(node, dict) else node:
            _set_sides(child, side)


def use_dataset(cfg: Config, name: str, datasets: Path | None) -> None:
    """Point the test set of ``cfg`` at another data set, keeping its pipeline.

    Args:
        cfg: Changed in place.
        name: A prepared folder, or the name of a file of ``datasets``, without suffix.
        datasets: Folder of data set configs.
    """
    if (Path(name) / INDEX_NAME).is_file():
        theirs = {'type': 'MammographyDataset', 'data_root': name, 'split': 'test'}
    else:
        files = sorted(datasets.glob('*.py')) if datasets else []
        # Others, such as side_224.py, are only parts of a data set.
        known = {file.stem: file for file in files if 'test_dataloader' in file.read_text('utf-8')}
        if name not in known:
            raise MammoError(
                f'--dataset {name}: neither a folder with an {INDEX_NAME} nor a known name',
                f'a prepared folder, or one of {", ".join(known)}',
            )
        theirs = Config.fromfile(known[name]).test_dataloader.dataset
    ours = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = {**theirs, 'test_mode': True, 'pipeline': ours.pipeline}


def input_size(cfg: Config) -> tuple[int, int]:
    """Height and width in pixels of the input of the model of ``cfg``.

    Raises:
        MammoError: Images are neither padded to one size nor resized to one.
    """
    size = cfg.model.data_preprocessor.get('size')
    if size:
        return tuple(size)
    steps = image_steps(cfg.train_dataloader.dataset.pipeline)
    scales = [step['scale'] for step in steps if resizes(step['type']) and 'scale' in step]
    if not scales:
        raise MammoError(
            f'{cfg.filename} names no input size', 'a pipeline with Resize', 'Use --data'
        )
    width, height = scales[-1]
    return height, width
