"""Fold configs: the config of the training of each fold, and of the model of all."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import IterBasedTrainLoop
from mmseg.registry import DATASETS, HOOKS, LOOPS, MODELS

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.engine.hooks.console import ConsoleHook
from mmseg_mammo.engine.steps.whole import of_tests
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.folds.segmentor import fold_key
from mmseg_mammo.models.two_stage.stage_config import without_files
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.in_turn import name_apart

PARTS = 'parts'  # folder of the indices of the folds
LEARNED_FROM = ('train', 'val')  # splits whose images are divided; test is never touched


def dataset_of(cfg: Config) -> Any:
    """The settings of the data set that a training reads.

    Raises:
        MammoError: There is none, there are several, or other folders are added to it.
    """
    found = [one for _, one in datasets_of(cfg.get('train_dataloader'), 'train_dataloader')]
    if len(found) != 1:
        raise MammoError(
            f'--folds: {cfg.filename} trains on {len(found)} data sets',
            'a training on one prepared folder',
            'Prepare the images of all into one folder',
        )
    if found[0].get('normal_sources'):
        raise MammoError(
            f'--folds: normal_sources of {cfg.filename}: other folders are not divided',
            'a training on one prepared folder',
            'Set train_dataloader.dataset.normal_sources=()',
        )
    return found[0]


def place_of(dataset: Mapping[str, Any]) -> tuple[Path, str]:
    """The prepared folder of a data set of a config, and the name of its index below that.

    Raises:
        MammoError: The data set names no folder.
    """
    root, name = dataset.get('data_root'), dataset.get('ann_file') or INDEX_NAME
    if root is None and Path(name).is_absolute():
        return Path(name).parent, Path(name).name
    if root is None:
        raise MammoError('--folds: the data set of the training names no data_root', 'a folder')
    path = Path(root) / name  # of an absolute name itself
    return path.parent, path.name


def learned_rows(dataset: Mapping[str, Any]) -> list[Row]:
    """The images that are divided into folds: those of the splits train and val that a data set keeps.

    Args:
        dataset: Settings of the data set of a training, whose filters hold.

    Raises:
        MammoError: There are none.
    """
    root, name = place_of(dataset)
    rows = read_index(root / name)
    kept: set[str] = set()
    for split in LEARNED_FROM:
        if any(row.split == split and row.annotated != 'no' for row in rows):
            built = DATASETS.build({**dataset, 'split': split, 'pipeline': [], 'cache': None})
            kept |= {built.get_data_info(place)['image'] for place in range(len(built))}
    if not kept:
        raise MammoError(
            f'--folds: {root / name} has no annotated image of split {" or ".join(LEARNED_FROM)}',
            'annotated images to train on',
        )
    return [row for row in rows if row.image in kept]


def follows_validation(cfg: Config) -> bool:
    """Whether the rate or the end of a training depends on the scores of its validation."""
    schedulers = cfg.get('param_scheduler') or []
    for one in schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]:
        if type_name(one.get('type')).startswith('ReduceOnPlateau'):
            return True
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or [])]
    return any(hook and is_a(hook.get('type'), EarlyStoppingHook, HOOKS) for hook in hooks)


def check_tuned(cfg: Config) -> None:
    """Refuse a training whose steps folds cannot choose.

    Raises:
        MammoError: It is not counted in steps, has no validation, or follows it.
    """
    loop = cfg.get('train_cfg') or {}
    if not is_a(loop.get('type'), IterBasedTrainLoop, LOOPS) or not cfg.get('val_dataloader'):
        raise MammoError(
            f'{cfg.filename} with --from and --folds: {type_name(loop.get("type"))}',
            'IterBasedTrainLoop with a validation, as configs/_base_/schedules/few.py has it',
        )
    if follows_validation(cfg):
        raise MammoError(
            f'{cfg.filename} with --from and --folds: its rate or its end follows the validation',
            'a schedule that is known before, as configs/_base_/schedules/few.py has it',
        )


def fold_splits(folds: Mapping[str, int], fold: int, count: int, inner: bool) -> dict[str, str]:
    """The split of each image in the training of a fold.

    Args:
        folds: Fold of each image.
        fold: That is held out.
        count: Number of folds.
        inner: Whether the training follows its validation, which is another fold then, so that the
            fold that is held out has no part in it. Else the fold itself is validated, for the
            curves alone.
    """
    seen = fold % count + 1 if inner else fold
    told = {seen: 'val', **({fold: 'test'} if inner else {})}
    return {image: told.get(own, 'train') for image, own in folds.items()}


def fold_config(cfg: Config, fold: int, part: Path) -> Config:
    """The config of the training of a fold, in its own work folder.

    Args:
        cfg: Of the training, with ``work_dir``.
        fold: From 1.
        part: Index of its images.
    """
    own = copy.deepcopy(cfg)
    use_part(own, part)
    name_apart(own, Path(cfg.work_dir) / f'fold_{fold}')
    return own


def keep_last_alone(cfg: Config) -> None:
    """Let a training by steps save a checkpoint whenever it validates, and keep the last one alone."""
    hook = cfg.default_hooks.checkpoint
    hook.update(interval=cfg.train_cfg.val_interval, by_epoch=False, max_keep_ckpts=1)
    hook.pop('save_best', None)
    hook.pop('rule', None)


def use_part(cfg: Config, part: Path, loaders: Sequence[str] = ('train', 'val')) -> None:
    """Let data sets of a config read the images of a part.

    Args:
        cfg: Changed in place.
        part: See :func:`.write_part`.
        loaders: Splits whose data sets do; each reads the split of that name.
    """
    for split in loaders:
        name = f'{split}_dataloader'
        for _, dataset in datasets_of(cfg.get(name), name):
            dataset.ann_file, dataset.split = str(part), split


def say_no_checkpoints(cfg: Config) -> None:
    """Let a training not say where its checkpoints are: they are removed when it is finished."""
    console = (cfg.get('default_hooks') or {}).get('console')
    if console and is_a(console.get('type'), ConsoleHook, HOOKS):
        console.checkpoints = False


def write_folds(
    cfg: Config, folds: Mapping[str, int], count: int, data: tuple[Path, str]
) -> Iterator[Config]:
    """The config of each fold, whose part is written."""
    inner = follows_validation(cfg)
    for fold in range(1, count + 1):
        splits = fold_splits(folds, fold, count, inner)
        out = Path(cfg.work_dir) / PARTS / f'fold_{fold}.csv'
        yield fold_config(cfg, fold, write_part(data[0], out, splits, data[1]))


def joined_config(cfg: Config, folds: Mapping[str, int], count: int, rows: Sequence[Row]) -> Config:
    """The config of the model of all folds, for tests.

    Args:
        cfg: Of the training.
        folds: Fold of each image.
        count: Number of folds.
        rows: Of the images.

    Raises:
        MammoError: Models of that kind are not joined.
    """
    kind = cfg.model.get('type')
    if not is_a(kind, InputGridEncoderDecoder, MODELS):
        raise MammoError(
            f'--folds with model.type={type_name(kind)}',
            'InputGridEncoderDecoder, such as unet_cbis and setr_pup_vpt_cbis',
        )
    settings = of_tests(cfg)
    member = without_files(settings['model'])
    output = {**(member.pop('test_output', None) or {}), 'threshold': threshold_of(cfg)}
    keys = {row.image: fold_key(row.source, row.image) for row in rows}
    settings['model'] = {
        'type': 'FoldSegmentor',
        'data_preprocessor': copy.deepcopy(member['data_preprocessor']),
        'member': member,
        'members': count,
        'folds': {keys[image]: fold for image, fold in folds.items()},
        'test_output': output,
    }
    return Config(settings, cfg_text='# folds\n', filename=cfg.filename)
