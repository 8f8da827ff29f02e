"""Predictor: applies one checkpoint, or the mean of several, to images of any origin."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_mammo.engine.config.load import read_config, refuse_tuning
from mmseg_mammo.engine.config.prompts import use_prompts
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import describe_test_output, use_operating_point
from mmseg_mammo.engine.partial_checkpoint import use_base
from mmseg_mammo.engine.presence.stored import use_stored_presence
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.found import Found, merge, one_output
from mmseg_mammo.inference.onnx.segmentor import check_files
from mmseg_mammo.inference.prediction import Prediction, describe
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.trained_model import TrainedModel
from mmseg_mammo.io.dicom.reader import is_dicom, read_info
from mmseg_mammo.io.index import VIEWS
from mmseg_mammo.io.spacing import Spacing, spacing_at_breast
from mmseg_mammo.models.image_features import FeatureProbe


@dataclass(frozen=True)
class Loaded:
    """An image that is ready to be predicted on.

    Attributes:
        data: ``inputs`` and ``data_samples`` of each model.
        image: H×W, as it was read.
        spacing: Millimetres of a pixel, (row, column); None is unknown.
        laterality: Of a DICOM header; '' is unknown.
        view: Of a DICOM header, as in the index; '' is unknown.
        without_prompt: Whether a model that takes prompts has none for it.
    """

    data: tuple[dict, ...]
    image: np.ndarray
    spacing: Spacing | None = None
    laterality: str = ''
    view: str = ''
    without_prompt: bool = False


class Predictor:
    """A trained model, or several, as one function of an image.

    ``Predictor('best.pth')('mammogram.dcm')`` has ``probability``, ``mask`` and ``regions``.

    The image goes the way of the tests of the training: the masks of a prepared folder are those of
    ``mammoseg test``, to the bit. Of several checkpoints the mean probability is cut, and an image
    is closed by the mean presence.

    Attributes:
        members: The models.
        output: ``threshold``, ``temperature``, ``breast_only`` and ``flips``, and of models with presence
            ``presence_threshold``; see :func:`.one_output`.
        checkpoints: Their files.
        device: Where they are.

    Args:
        checkpoints: One file or several; also models that were exported as ONNX.
        config: Config in place of the checkpoint's own; a file, a shipped name, or a ``Config``.
        device: ``'auto'`` (a GPU if there is one), ``'cpu'``, ``'cuda'``, ``'cuda:1'``, …
        base: Pre-trained file of a checkpoint of the trained weights alone; see :func:`.use_base`.
        threshold: Probability above which a pixel is lesion; None as trained, or calibrated.
        operating_point: File of ``mammoseg calibrate``, in place of ``threshold``.
        breast_only: Whether probabilities outside the breast are 0; None as the config says.
        flip: Test-time augmentation: the mean with the mirrored image.
        prompts: Table of points and boxes, of a promptable model; see :func:`.use_prompts`.
        coordinates: What its pixels are of: ``'original'`` or ``'prepared'`` images.

    Raises:
        CheckpointError: A checkpoint cannot be used.
        MammoError: A device is not there, a setting means nothing, or several checkpoints disagree on
            the threshold and none is given.
    """

    def __init__(
        self,
        checkpoints: str | Path | Sequence[str | Path],
        *,
        config: str | Path | Config | None = None,
        device: str = 'auto',
        base: Path | None = None,
        threshold: float | None = None,
        operating_point: Path | None = None,
        breast_only: bool | None = None,
        flip: bool = False,
        prompts: str | Path | None = None,
        coordinates: str = 'original',
    ) -> None:
        files = [checkpoints] if isinstance(checkpoints, (str, Path)) else checkpoints
        self.checkpoints = tuple(map(Path, files))
        self.device = check_files(self.checkpoints, device)
        self.flip, self.coordinates = flip, coordinates
        self._most: int | None = None  # images that the GPU has room for, once that is known
        self.prompts = Path(prompts) if prompts else None
        self.operating_point = operating_point and Path(operating_point).name
        configs = []
        for file in self.checkpoints:
            cfg = _config_for(config, file)
            use_base(cfg, file, base)
            use_operating_point(cfg, operating_point, threshold, breast_only, file)
            if prompts:
                use_prompts(cfg, prompts, coordinates)
            configs.append(cfg)
        self.output: Mapping[str, Any] = one_output([*map(describe_test_output, configs)])
        self.members = tuple(
            TrainedModel(*pair, self.device, flip)
            for pair in zip(configs, self.checkpoints, strict=True)
        )
        self._probe = FeatureProbe(self.members[0].model)

    def __call__(
        self, image: str | Path | np.ndarray, spacing: Spacing | None = None
    ) -> Prediction:
        """Predict on one image.

        Args:
            image: A file, or grey levels: H×W or H×W×3 with equal channels, uint8 or uint16.
            spacing: Millimetres of a pixel, (row, column), of an image that does not tell.

        Raises:
            MammoError: It cannot be read, or the model cannot take it.
        """
        return self.predict([self.load(image, spacing=spacing)])[0]

    def load(
        self,
        image: str | Path | np.ndarray,
        facts: Mapping[str, Any] | None = None,
        spacing: Spacing | None = None,
    ) -> Loaded:
        """Bring an image to the models; may be called in several threads.

        Args:
            image: See :meth:`__call__`.
            facts: What is known of it beside, for steps that ask; see :class:`.LoadPrompts`.
            spacing: Millimetres of a pixel, in place of what the header says.
        """
        source = image if isinstance(image, np.ndarray) else Path(image)
        own: dict[str, Any] = {}
        if isinstance(source, Path) and is_dicom(source):
            info = read_info(source)
            spacing = spacing or spacing_at_breast(
                info.pixel_spacing, info.imager_pixel_spacing, info.magnification
            )
            # Any other text may be of a person who typed it; the preparation writes OTHER too.
            view = info.view if info.view in VIEWS else 'OTHER'
            own |= {'laterality': info.laterality, 'view': view}
        own['spacing'] = spacing
        known = {'spacing_mm': spacing, **(facts or {})}
        found = [member.load(source, known) for member in self.members]
        prompts = found[0][0]['data_samples'].metainfo.get('prompts')
        own['without_prompt'] = prompts is not None and not prompts['labels']
        return Loaded(tuple(data for data, _ in found), found[0][1], **own)

    @property
    def name(self) -> str:
        """What a DICOM SEG calls the algorithm: the name of the config, else of the checkpoint."""
        return Path(self.members[0].model.cfg.filename or self.checkpoints[0]).stem

    @property
    def device_name(self) -> str:
        """The name of the GPU, or ``cpu``."""
        return self.device if self.device == 'cpu' else torch.cuda.get_device_name(self.device)

    def check_images(self, inputs: Sequence[Input]) -> None:
        """Let the steps that want something of every image look for it, such as :class:`.LoadPrompts`.

        Raises:
            DataFileError: A name in a table of prompts means none of the images, or several.
        """
        items = [{'img_path': str(source.path), **source.facts} for source in inputs]
        for member in self.members:
            for step in member.steps:
                if hasattr(step, 'check_images'):
                    step.check_images(items)

    def predict(self, batch: Sequence[Loaded]) -> list[Prediction]:
        """Predict on loaded images. Where a GPU has no room for all at once, half go first.

        Raises:
            MammoError: There is no room for one image; or a probability is not a number.
        """
        shapes = {image.data[0]['inputs'].shape for image in batch}
        most = 1 if len(shapes) > 1 else self._most or len(batch)
        if len(batch) > most:
            parts = [batch[start : start + most] for start in range(0, len(batch), most)]
            return [prediction for part in parts for prediction in self.predict(part)]
        try:
            return self._predict(batch)
        except torch.cuda.OutOfMemoryError:
            pass  # outside of this block, so that the error keeps no tensor alive
        torch.cuda.empty_cache()
        if len(batch) <= 1:
            raise MammoError(
                f'{self.device}: no room for one image',
                remedy='Free its memory, or take --device cpu',
            )
        self._most = len(batch) // 2
        print_log(
            f'{self.device} has no room for {len(batch)} images at once: {self._most}', 'current'
        )
        return self.predict(batch)

    def _predict(self, batch: Sequence[Loaded]) -> list[Prediction]:
        self._probe.clear()
        found = [
            member.predict([image.data[number] for image in batch])
            for number, member in enumerate(self.members)
        ]
        features = self._probe.first(len(batch))
        return [
            self._describe(merge(each, self.output), image, seen)
            for image, seen, *each in zip(batch, features, *found, strict=True)
        ]

    def _describe(self, found: Found, image: Loaded, features: Any) -> Prediction:
        assert found.mask is not None  # it is merged
        own: dict[str, Any] = {'candidates': found.candidates}
        if found.presence is not None:
            limit = self.output.get('presence_threshold')
            own |= {'presence': found.presence, 'presence_threshold': limit, 'closed': found.closed}
        threshold = self.output['threshold']
        return describe(found.probability, found.mask, threshold, image.spacing, features, **own)


def _config_for(config: str | Path | Config | None, checkpoint: Path) -> Config:
    if config is None:
        return read_stored_config(checkpoint)
    cfg = copy.deepcopy(config) if isinstance(config, Config) else read_config(config)
    refuse_tuning(cfg)
    use_stored_presence(cfg, checkpoint)
    return cfg
