"""Few-configs: make a complete config of a training from a tuning, its start and a prepared folder."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import (
    augments,
    packs,
    resizes,
    split_steps,
    touches_image,
)
from mmseg_mammo.engine.config.test_output import OF_TRAINING
from mmseg_mammo.engine.few.models import Start, check_tuning, read_start, tuned_model
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.io.index import INDEX_NAME, read_index

_MASK = 'LoadLesionMask'
# Of the start's config, beside its model: what the model needs in a training of several processes, and
# which test-time output is its training's.
_KEPT = ('find_unused_parameters', OF_TRAINING)
_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')


def few_config(
    cfg: Config,
    start: Path,
    data_root: Path | str,
    *,
    ann_file: str = INDEX_NAME,
    new_head: bool = False,
) -> Config:
    """The complete config of a tuning.

    Model, image steps, threshold and metrics are those of the start; what the few-config changes of
    the model, how images are augmented, and how long and fast is trained are those of ``cfg``.

    Args:
        cfg: A few-config, with ``--cfg-options`` in it; not changed.
        start: Checkpoint.
        data_root: Prepared folder with images of the splits ``train`` and, perhaps, ``val``, ``test``.
        ann_file: Name of the index in it.
        new_head: Whether the decode head starts at random.

    Raises:
        MammoError: The config is none of those, or does not fit the start; there is no index, or no lesion
            to learn from.
        CheckpointError: The start is none.
    """
    begun = read_start(Path(start))
    tuning = check_tuning(cfg, begun)
    few = copy.deepcopy(cfg)
    few.pop('tuning')
    few.model, weights = tuned_model(few, tuning, begun, new_head)
    for key in _KEPT:
        if key in begun.config:
            few[key] = begun.config[key]
    steps = tested_steps(begun)
    training = training_steps(steps, tuning.get('augmentation') or ())
    splits = _splits(Path(data_root) / ann_file)
    _use_data(few, Path(data_root), ann_file, {'train': training, 'val': steps, 'test': steps})
    _use_metrics(few, begun)
    if 'val' not in splits:
        for key in _VALIDATION:
            few.pop(key, None)
    few.load_from = str(begun.file)
    few.default_hooks['start'] = dict(
        type='StartHook', sha256=begun.sha256, name=begun.name, **weights
    )
    _use_rates(few, tuning, weights['new'])
    return few


def tested_steps(start: Start) -> list[Any]:
    """The pipeline of a test of the start.

    Raises:
        CheckpointError: It has none; or its images are crops around true lesions.
    """
    loader = start.config.get('test_dataloader') or start.config.get('val_dataloader')
    found = [each.get('pipeline') for _, each in datasets_of(loader, 'test_dataloader')]
    steps = split_steps(found[0]) if found and found[0] else []
    if not steps:
        raise CheckpointError(f'--from {start.file}: its config has no images', 'a test_dataloader')
    for step in steps:
        if augments(step.get('type')):
            raise CheckpointError(
                f'--from {start.file}: its test changes images by {step["type"]}',
                'a model of whole images',
            )
    return copy.deepcopy(steps)


def training_steps(steps: Sequence[Any], augmentation: Sequence[Any]) -> list[Any]:
    """The steps of a test with the mask on the input's grid, augmentation behind the resizing, packing.

    Args:
        steps: Of a test: they load, resize and change the image, and pack.
        augmentation: Steps that change images and masks at random.

    Raises:
        MammoError: Nothing packs, or resizes to one size.
    """
    image = [step for step in steps if touches_image(step)]
    mask = next((step for step in steps if step.get('type') == _MASK), {'type': _MASK})
    pack = next((step for step in steps if packs(step.get('type'))), None)
    places = [number for number, step in enumerate(image) if resizes(step.get('type'))]
    if pack is None or not places:
        raise MammoError(
            f'the start has the steps {", ".join(str(step.get("type")) for step in steps)}',
            'Resize and PackMammogram among them',
        )
    first, last = places[0], places[-1] + 1
    resized = [
        {**step, 'type': 'ResizeMammogram'} if number in places else step
        for number, step in enumerate(image)
    ]
    random = copy.deepcopy(list(augmentation))
    return [*resized[:first], mask, *resized[first:last], *random, *resized[last:], pack]


def _splits(index: Path) -> set[str]:
    """The splits of an index.

    Raises:
        MammoError: None of the images that are learned from has an outlined lesion: a model of normal images
            alone learns to mark nothing.
    """
    rows = read_index(index, check_files=False)
    if not any(row.mask for row in rows if row.split in ('train', 'val')):
        raise MammoError(
            f'{index}: no image of split train or val has an outlined lesion',
            'lesions to learn from',
            'Outline some, or move patients with lesions there from the split test',
        )
    return {row.split for row in rows}


def _use_data(
    few: Config, data_root: Path, ann_file: str, pipelines: Mapping[str, Sequence[Any]]
) -> None:
    for split, pipeline in pipelines.items():
        few[f'{split}_dataloader'].dataset = dict(
            type='MammographyDataset',
            data_root=str(data_root),
            ann_file=ann_file,
            split=split,
            test_mode=split != 'train',
            pipeline=copy.deepcopy(list(pipeline)),
        )
        if split == 'train':
            del few.train_dataloader.dataset['test_mode']


def _use_metrics(few: Config, start: Start) -> None:
    """Metrics as in the start; a test of one whose validation was left out has the metrics of both."""
    theirs = {split: start.config.get(f'{split}_evaluator') for split in ('val', 'test')}
    for split, other in (('val', 'test'), ('test', 'val')):
        found = theirs[split] or theirs[other] or {'type': 'MammographyMetric'}
        few[f'{split}_evaluator'] = copy.deepcopy(found)


def _use_rates(few: Config, tuning: Mapping[str, Any], new: Sequence[str]) -> None:
    """Train what is new at a higher rate: ``tuning.new_rate`` times that of the rest."""
    if not new or tuning.get('new_rate', 1) == 1:
        return
    paramwise = dict(few.optim_wrapper.get('paramwise_cfg') or {})
    names = [pattern.strip('^$').replace('\\', '') for pattern in new]
    rates = {name: dict(lr_mult=tuning['new_rate']) for name in names}
    paramwise['custom_keys'] = {**rates, **(paramwise.get('custom_keys') or {})}
    few.optim_wrapper.paramwise_cfg = paramwise
