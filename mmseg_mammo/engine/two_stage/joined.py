"""Joined model: the config and the checkpoint of two trained stages as one."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import resizes, split_steps
from mmseg_mammo.engine.steps.whole import (
    build_whole,
    describe_part,
    describe_whole,
    of_tests,
    write_model,
)
from mmseg_mammo.engine.two_stage.stages import FINDER, OF_CROPS, REFINER, crop_steps
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import PRESENCE, STAGES, read_record
from mmseg_mammo.models.two_stage.stage_config import without_files

KEEP = {'type': 'KeepFullImage'}


def tested_pipeline(cfg: Config) -> list[Any]:
    """The way of an image and its mask to a model in a test, which its validation has too."""
    for loader in ('test_dataloader', 'val_dataloader'):
        for _, dataset in datasets_of(cfg.get(loader), loader):
            return copy.deepcopy(list(dataset.get('pipeline') or []))
    raise MammoError(
        f'{cfg.filename} has neither validation nor test', 'a config with val_dataloader'
    )


def joined_config(cfg: Config, finder: Config, refiner: Config) -> Config:
    """The config of the model of both stages, for tests.

    It has the data and the evaluators of ``cfg``, and the images as the finder sees them, with their
    full pixels beside.

    Args:
        cfg: With ``stages``.
        finder: Config that the finder was trained with.
        refiner: Of the refiner.
    """
    settings = of_tests(cfg)
    model = settings['model']
    for name, stage in ((FINDER, finder), (REFINER, refiner)):
        model[name] = without_files(stage.to_dict()['model'])
    model['data_preprocessor'] = model[FINDER]['data_preprocessor']  # what the model is given
    trained = next(crop_steps(refiner, 'train_dataloader'))
    shown = {key: trained[key] for key in OF_CROPS if key in trained}
    model['crop'] = {**shown, **(model.get('crop') or {}), 'size': _input_of_crops(refiner)}
    joined = Config(settings, cfg_text='# joined\n', filename=cfg.filename)
    pipeline = with_full_image(tested_pipeline(finder))
    for _, dataset in datasets_of(joined.get('test_dataloader'), 'test_dataloader'):
        if not dataset.get('pipeline'):
            dataset['pipeline'] = copy.deepcopy(pipeline)
    return joined


def with_full_image(pipeline: Sequence[Any]) -> list[Any]:
    """A pipeline that keeps the pixels that it resizes.

    Raises:
        MammoError: It resizes nothing.
    """
    steps = split_steps(pipeline)
    for number, step in enumerate(steps):
        if resizes(step.get('type')):
            return [*steps[:number], dict(KEEP), *steps[number:]]
    raise MammoError(
        'stages.finder: its test pipeline resizes no image', 'a pipeline with Resize, for one side'
    )


def _input_of_crops(refiner: Config) -> tuple[int, int]:
    """(height, width) that crops are resized to, as the training of the refiner does.

    Raises:
        MammoError: It does not.
    """
    for _ in crop_steps(refiner, 'train_dataloader'):
        for _, dataset in datasets_of(refiner.train_dataloader, 'train_dataloader'):
            for step in dataset['pipeline']:
                if resizes(step.get('type')):
                    width, height = step['scale']
                    return height, width
    raise MammoError(
        f'{refiner.filename} does not resize its crops', 'ResizeMammogram behind CropAroundLesion'
    )


def build_joined(joined: Config, stages: Mapping[str, Config], files: Mapping[str, Path]) -> Any:
    """The model of both stages with their weights, in eval mode on the CPU.

    Args:
        joined: See :func:`joined_config`.
        stages: Config that each stage was trained with.
        files: Checkpoint of each; frozen weights that it lacks come from the file of its config.
    """
    return build_whole(joined, {name: (stages[name], file) for name, file in files.items()})


def write_joined(
    path: Path, model: Any, files: Mapping[str, Path], choice: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the checkpoint of both stages with its record.

    Args:
        path: The file.
        model: Of :func:`build_joined`; ``model.cfg`` has what was chosen.
        files: Checkpoint of each stage.
        choice: Facts of the choice on validation; ``presence`` among them goes to its own place.

    Returns:
        Facts of the file.
    """
    joined = model.cfg
    records = {name: read_record(file) or {} for name, file in files.items()}
    return write_model(path, model, describe_joined(joined, files, records, choice))


def describe_joined(
    joined: Config,
    files: Mapping[str, Path],
    records: Mapping[str, Mapping[str, Any]],
    choice: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a checkpoint of both stages; images and data are those of the finder."""
    stages: dict[str, Any] = {
        name: describe_part(files[name], record) for name, record in records.items()
    }
    stages['choice'] = {key: value for key, value in choice.items() if key != PRESENCE}
    return {
        **describe_whole(joined, records, FINDER),
        'best_score': {'lesion_dice': choice['lesion_dice']},
        STAGES: stages,
        **({PRESENCE: choice[PRESENCE]} if choice.get(PRESENCE) else {}),
    }
