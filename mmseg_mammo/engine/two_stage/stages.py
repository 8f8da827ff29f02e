"""Stages of a config: the config of each, with what the config of both says for it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.edits import use_side
from mmseg_mammo.engine.config.input_side import check_side
from mmseg_mammo.engine.config.keys import check_keys
from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.engine.config.overrides import override
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import STAGE_NAMES

FINDER, REFINER = STAGES = STAGE_NAMES
# What ``stages`` may say, of each stage and of what follows their trainings.
_OF_STAGES = ('config', 'options', 'side')
_KEYS = (*STAGES, 'presence')
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Of a data set, what each stage has of its own: how it sees the images.
_OWN = ('pipeline', 'test_mode', 'cache')
# Of ``model.crop`` and of the steps that crop: how much of an image a crop shows.
OF_CROPS = ('share', 'mm', 'factor')


def check_stages(cfg: Config) -> None:
    """Refuse ``stages`` that say too little, or what nothing reads.

    Args:
        cfg: Of both stages.

    Raises:
        MammoError: A stage has no config, or a key does not exist.
    """
    stages = cfg.stages
    if not isinstance(stages, Mapping) or not (set(STAGES) <= set(stages) <= set(_KEYS)):
        said = ', '.join(stages) if isinstance(stages, Mapping) else repr(stages)
        raise MammoError(
            f'{cfg.filename}: stages has {said}',
            'finder and refiner, each a dict with config, options and side; and presence',
        )
    for name in STAGES:
        stage = stages[name]
        if not isinstance(stage, Mapping) or not stage.get('config'):
            raise MammoError(
                f'{cfg.filename}: stages.{name} names no config',
                f"stages.{name}=dict(config='unet_finder_cbis', options={{}})",
            )
        if unknown := sorted(set(stage) - set(_OF_STAGES)):
            raise MammoError(
                f'{cfg.filename}: stages.{name}.{unknown[0]}: nothing reads it',
                ', '.join(_OF_STAGES),
                f'Settings of its training stand in stages.{name}.options',
            )


def stage_config(cfg: Config, name: str) -> Config:
    """The config that a stage is trained with.

    From the config of both it has the data (but for how images are seen), the seed, and of the
    refiner how much a crop shows; then its own ``side`` and ``options``, which count more.

    Args:
        cfg: Of both stages, with ``work_dir`` and ``launcher``.
        name: ``'finder'`` or ``'refiner'``.

    Raises:
        MammoError: The file cannot be read, or an option has no effect.
    """
    settings = cfg.stages[name]
    stage = read_config(_place(cfg, settings['config']))
    check_keys(stage)
    if not stage.get('train_dataloader') or not stage.get('train_cfg'):
        raise MammoError(f'stages.{name}: {stage.filename} has no training, only a test')
    for loader, key, value in _data(cfg):
        for _, dataset in datasets_of(stage.get(loader), loader):
            dataset[key] = value
    if cfg.get('randomness'):
        stage.randomness = cfg.randomness
    if name == REFINER:
        _use_crop(stage, cfg.model.get('crop') or {})
    if settings.get('side') is not None:
        use_side(stage, settings['side'])
    _use_options(stage, name, settings.get('options') or {})
    if settings.get('side') is not None:
        check_side(stage, settings['side'])
    stage.work_dir = str(Path(cfg.work_dir) / name)
    stage.launcher = cfg.get('launcher', 'none')
    if cfg.get('device'):
        stage.device = cfg.device
    # Loggers and visualizers of a process are told apart by name.
    stage.experiment_name = f'{name} of {Path(cfg.work_dir).resolve()}'
    if stage.get('visualizer'):
        stage.visualizer.name = stage.work_dir
    return stage


def each_stage(cfg: Config) -> list[Config]:
    """The configs that a command trains: of its stages, or the one that it is."""
    if not cfg.get('stages'):
        return [cfg]
    check_stages(cfg)
    return [stage_config(cfg, name) for name in STAGES]


def crop_steps(stage: Config, loader: str) -> Iterator[Any]:
    """The steps of a loader of a stage's config that crop around lesions; to be changed."""
    for _, dataset in datasets_of(stage.get(loader), loader):
        for step in dataset.get('pipeline') or []:
            if type_name(step.get('type')) == 'CropAroundLesion':
                yield step


def use_candidates(stage: Config, folder: Path) -> None:
    """Let the crops of the refiner's training and validation know the candidates of the finder.

    Args:
        stage: Of the refiner, changed in place; a step that names a file keeps it.
        folder: With ``train.csv`` and ``val.csv``.

    Raises:
        MammoError: Its training images are not cropped.
    """
    if not any(True for _ in crop_steps(stage, 'train_dataloader')):
        raise MammoError(
            f'stages.refiner: {stage.filename} trains on whole images',
            'CropAroundLesion in the pipeline of train_dataloader',
            'Take a config of crops, such as unet_refiner_cbis',
        )
    for loader in ('train_dataloader', 'val_dataloader'):
        file = str(folder / f'{loader.removesuffix("_dataloader")}.csv')
        for step in crop_steps(stage, loader):
            if step.get('candidates') is None:
                step['candidates'] = file


def _place(cfg: Config, config: str) -> str:
    """The file of a stage: beside the config of both, else as a command line would name it."""
    beside = Path(cfg.filename or '').parent / config
    return str(beside) if cfg.filename and beside.is_file() else config


def _data(cfg: Config) -> Iterator[tuple[str, str, Any]]:
    """Loader, key and value of each setting of data sets that goes to the stages."""
    for loader in _LOADERS:
        found = [one for _, one in datasets_of(cfg.get(loader), loader)]
        if len(found) > 1:
            raise MammoError(
                f'{cfg.filename}: {loader} has {len(found)} data sets',
                'one, or the data sets in the configs of the stages',
            )
        for dataset in found:
            yield from ((loader, key, dataset[key]) for key in dataset if key not in _OWN)


def _use_crop(stage: Config, crop: Mapping[str, Any]) -> None:
    given = {key: crop[key] for key in OF_CROPS if crop.get(key) is not None}
    if not given:
        return
    for loader in _LOADERS:
        for step in crop_steps(stage, loader):
            for key in OF_CROPS:
                step.pop(key, None)
            step.update(given)


def _use_options(stage: Config, name: str, options: Mapping[str, Any]) -> None:
    try:
        override(stage, dict(_by_path(options)))
    except MammoError as error:
        said = str(error).replace('--cfg-options ', f'stages.{name}.options: ')
        raise MammoError(said) from error


def _by_path(options: Mapping[str, Any], place: str = '') -> Iterator[tuple[str, Any]]:
    """Options by their paths, as ``--cfg-options`` has them; they may be nested as the config is."""
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _by_path(value, f'{place}{key}.')
        else:
            yield f'{place}{key}', value
