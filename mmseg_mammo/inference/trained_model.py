"""Trained model: a checkpoint with all that is needed to apply it to an image that nobody annotated."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose, TestTimeAug
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_mammo.engine.checkpoint import config_of
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.differences import (
    clahe_differences,
    input_differences,
    threshold_difference,
)
from mmseg_mammo.engine.config.image_steps import packs, split_steps, touches_image
from mmseg_mammo.engine.config.stored import plain
from mmseg_mammo.engine.config.test_output import bare_model
from mmseg_mammo.engine.config.type_names import is_a
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.inference.found import Found, found_in, mirrored, with_mirrored
from mmseg_mammo.inference.onnx.segmentor import load_any
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.models.safe_loading import load_plain
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.models.two_stage.segmentor import TwoStageSegmentor
from mmseg_mammo.transforms.full_image import KeepFullImage
from mmseg_mammo.transforms.loading import ReadMammogram
from mmseg_mammo.transforms.prompts import LoadPrompts


class TrainedModel:
    """A model and the steps that bring an image to it.

    The steps are those of its test pipeline without masks. An image that was not prepared is first
    shrunk as the preparation of the training images did.

    Attributes:
        model: In eval mode, on its device; ``model.cfg.test_pipeline`` has the same steps, so that
            mmseg's ``inference_model`` predicts the same.
        steps: Built; the first one reads the file.
        differences: Between training and these steps, as ``mammoseg test`` says them.

    Args:
        cfg: Of the training, changed in place; see :func:`.read_stored_config`.
        checkpoint: Its file, or what :func:`.export_onnx` made of it.
        device: ``cpu``, ``cuda``, …
        flip: Whether to predict on the mirrored image too, and to take the mean (test-time
            augmentation).

    Raises:
        MammoError: It has no test pipeline; it takes its prompts from the truth; or it takes
            prompts and is to be flipped.
        CheckpointError: See :func:`.read_checkpoint`.
    """

    def __init__(self, cfg: Config, checkpoint: Path, device: str, flip: bool = False) -> None:
        _check_model(cfg, flip)
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        record = read_record(checkpoint) or {}
        cfg.test_pipeline = lone_pipeline(cfg, record.get('preparation') or {})
        self._shrinks = len(cfg.test_pipeline) > len(lone_pipeline(cfg, {}))
        cfg.model.pop('embedding_cache', None)
        self.differences = say_changes(cfg, checkpoint)
        self.flip = flip
        self.steps = [TRANSFORMS.build(step) for step in cfg.test_pipeline]
        self.model = load_any(cfg, checkpoint, device)

    def load(self, image: Path | np.ndarray, facts: Mapping[str, Any]) -> tuple[dict, np.ndarray]:
        """Bring an image to the model.

        Args:
            image: A file, or grey levels: H×W or H×W×3 with equal channels, uint8 or uint16.
            facts: What is known of it, for steps that ask; see :class:`.LoadPrompts`. An image whose
                original size is among them is prepared, and not shrunk again.

        Returns:
            ``inputs`` and ``data_samples``, as mmseg's models take them; and the image as it was
            read, H×W.

        Raises:
            MammoError: The file cannot be read or a step cannot take it.
        """
        results: Any = {'seg_fields': [], 'reduce_zero_label': False, **facts}
        if isinstance(image, np.ndarray):
            first: Any = _array_steps(self.steps[0])
            results |= {'img': image, 'img_path': ''}
        else:
            first, results['img_path'] = self.steps[0], str(image)
        results = first(results)
        grey = results['img'] if results['img'].ndim == 2 else results['img'][..., 0]
        prepared = bool(facts.get('original_height'))
        for step in self.steps[2 if prepared and self._shrinks else 1 :]:
            results = step(results)
        return results, np.ascontiguousarray(grey)

    def predict(self, batch: Sequence[dict]) -> list[Found]:
        """Predict on loaded images whose inputs have one size.

        Returns:
            One of each; flipped, its mask is None: it is cut from the mean.
        """
        found = self._run(batch)
        if not self.flip:
            return found
        other = self._run([mirrored(one) for one in batch])
        output = self.model.test_output
        return [with_mirrored(*pair, output) for pair in zip(found, other, strict=True)]

    def _run(self, batch: Sequence[dict]) -> list[Found]:
        data = {
            'inputs': [one['inputs'] for one in batch],
            'data_samples': [one['data_samples'].clone() for one in batch],
        }
        with torch.no_grad():
            samples = self.model.test_step(data)
        return [found_in(sample) for sample in samples]


def say_changes(cfg: Config, checkpoint: Path) -> list[str]:
    """Say in the log what a config has else than the training of a checkpoint, as a test does.

    Args:
        cfg: That the checkpoint is used with.
        checkpoint: Its file. One without a record may be of an earlier version, which is told by
            what is beside its weights.

    Returns:
        What it changes of the input.
    """
    trained, content = _config_of_training(checkpoint)
    if trained is None:
        return []
    former = clahe_differences(content, cfg) if content else []
    found = [*input_differences(trained, cfg), *former]
    worse = [f'{difference}: expect worse results' for difference in found]
    for line in (*threshold_difference(trained, cfg), *worse):
        print_log(f'{checkpoint}: {line}', 'current', logging.WARNING)
    return found


def _config_of_training(checkpoint: Path) -> tuple[Config | None, Mapping[str, Any] | None]:
    """The config in a checkpoint, to be compared with, not built from; and what a file without record holds."""
    record = read_record(checkpoint)
    if record is not None:
        return Config(plain(record['config'])), None
    content = load_plain(checkpoint)
    try:
        return config_of(content), content
    except CheckpointError:  # whoever comes here has another one
        said = f'{checkpoint}: its own config is not plain data, and is not compared'
        print_log(said, 'current', logging.WARNING)
        return None, None


def lone_pipeline(cfg: Config, preparation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The test pipeline of a config without the steps about masks, for images of any origin.

    Args:
        cfg: Of the training.
        preparation: See :func:`follow_preparation`.

    Raises:
        MammoError: There is none, or several; or it is one of test-time augmentation.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    pipelines = [dict(each).get('pipeline') or [] for _, each in datasets_of(loader, 'test')]
    if not pipelines or any(each != pipelines[0] for each in pipelines):
        raise MammoError(
            f'{cfg.filename}: {len(pipelines)} test pipelines that differ'
            if pipelines
            else f'{cfg.filename}: no test pipeline',
            'one way to bring an image to the model',
            'Give a config with one test_dataloader',
        )
    if any(is_a(step.get('type'), TestTimeAug, TRANSFORMS) for step in pipelines[0]):
        raise _augmented(cfg)
    kept = [
        dict(step)
        for step in split_steps(pipelines[0])
        if touches_image(step)
        or packs(step.get('type'))
        or any(is_a(step.get('type'), kind, TRANSFORMS) for kind in (LoadPrompts, KeepFullImage))
    ]
    return follow_preparation(kept, preparation)


def follow_preparation(
    steps: Sequence[Mapping[str, Any]], preparation: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Steps that give a model an original file as the preparation of its training images would.

    Args:
        steps: Of a pipeline. One that does not begin with ``ReadMammogram`` stays as it is.
        preparation: Of the record of a checkpoint: ``long_side`` and ``voi`` are followed.
    """
    kept = [dict(step) for step in steps]
    if not kept or not is_a(kept[0].get('type'), ReadMammogram, TRANSFORMS):
        return kept
    if not preparation.get('voi', True):
        kept[0]['voi'] = False
    if preparation.get('long_side'):
        kept.insert(1, {'type': 'ShrinkMammogram', 'long_side': preparation['long_side']})
    return kept


def _array_steps(first: Any) -> Any:
    if not isinstance(first, ReadMammogram):
        raise MammoError(
            f'an array for a pipeline that begins with {type(first).__name__}',
            'a pipeline that begins with ReadMammogram, or a file',
        )
    return Compose([{'type': 'LoadImageFromNDArray'}])


def _augmented(cfg: Config) -> MammoError:
    return MammoError(
        f"{cfg.filename} is for MMSegmentation's test-time augmentation",
        'the config of the training',
        'Give that one, and --tta for the mean with the mirrored image',
    )


def _check_model(cfg: Config, flip: bool) -> None:
    if bare_model(cfg) is not cfg.model:
        raise _augmented(cfg)
    if flip and is_a(cfg.model.get('type'), TwoStageSegmentor, MODELS):
        raise MammoError('--tta with a two-stage model', remedy='Leave --tta out')
    if not is_a(cfg.model.get('type'), SAMSegmentor, MODELS):
        return
    if cfg.model.get('prompts_from') != 'given':
        raise MammoError(
            f'{cfg.filename} takes its prompts from the true mask, and a new image has none',
            'a table of points or boxes',
            'Give --prompts FILE (docs/sam.md says what is in it)',
        )
    if flip:
        raise MammoError('--tta with a model that takes prompts', remedy='Leave --tta out')
