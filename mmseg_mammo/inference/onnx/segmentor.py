"""ONNX segmentor: an exported file, run by onnxruntime, in the place of the model it was made from."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.config import Config
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.engine.checkpoint import check_checkpoint, load_model
from mmseg_mammo.engine.config.test_output import trained_threshold
from mmseg_mammo.engine.devices import choose_device
from mmseg_mammo.errors import CheckpointError, HostError, MammoError
from mmseg_mammo.inference.onnx.networks import PRESENCE
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.onnx.metadata import is_onnx
from mmseg_mammo.models.host_segmentor import HostSegmentor
from mmseg_mammo.models.input_grid import InputGrid

_ON_GPU = 'CUDAExecutionProvider'


def check_onnx(path: Path) -> None:
    """Refuse what :class:`OnnxSegmentor` cannot run, before anything is loaded.

    Raises:
        DataFileError: The file is missing or incomplete.
        CheckpointError: Another program wrote it, or it is a part of a SAM.
        HostError: onnxruntime is not installed.
    """
    record = read_record(path)
    if record is None or 'onnx' not in record:
        raise CheckpointError(
            f'{path}: no record of what its input is', 'a file that mammoseg export wrote'
        )
    part = record['onnx'].get('part')
    if part != 'model':
        raise CheckpointError(
            f'{path}: the {part} of a SAM', 'an exported U-Net or SETR', 'Take its checkpoint'
        )
    onnxruntime()


def onnxruntime() -> Any:
    """The module onnxruntime.

    Raises:
        HostError: It is not installed.
    """
    try:
        return importlib.import_module('onnxruntime')
    except ImportError as error:
        raise HostError(
            'An ONNX file needs the package onnxruntime, which is not installed',
            remedy="pip install '.[onnx]' in the repository",
        ) from error


def check_files(paths: Sequence[Path], device: str) -> str:
    """Refuse checkpoints and ONNX files that cannot be used, before anything is built.

    Args:
        paths: The files.
        device: ``'auto'`` (a GPU if all can use one), ``'cpu'``, ``'cuda'``, …

    Returns:
        The device.

    Raises:
        CheckpointError: See :func:`.check_checkpoint` and :func:`check_onnx`.
        MammoError: There is no such device, or onnxruntime cannot use it.
    """
    for path in paths:
        (check_onnx if is_onnx(path) else check_checkpoint)(path)
    if not any(map(is_onnx, paths)) or _ON_GPU in onnxruntime().get_available_providers():
        return choose_device(device)
    if choose_device('cpu' if device == 'auto' else device) != 'cpu':
        raise MammoError(
            f'--device {device} for an ONNX file: this onnxruntime is for the CPU',
            'auto, cpu',
            'Install onnxruntime-gpu in the place of onnxruntime',
        )
    return 'cpu'


def load_any(cfg: Config, path: Path, device: str) -> Any:
    """The model of a checkpoint or of an ONNX file, in eval mode; see :func:`.load_model`."""
    return OnnxSegmentor(path, cfg, device) if is_onnx(path) else load_model(cfg, path, device)


class OnnxSegmentor(InputGrid, HostSegmentor):
    """A segmentor whose logits come from an ONNX file; all else is as of the model itself.

    Args:
        path: Checked by :func:`check_onnx`.
        cfg: That it is used with: ``data_preprocessor``, ``test_output`` and threshold of the model.
        device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, …

    Raises:
        CheckpointError: onnxruntime cannot load it.
        MammoError: ``test_output.flips`` is another one than the file has.
    """

    can_flip = True

    def __init__(self, path: Path, cfg: Config, device: str = 'cpu') -> None:
        facts = (read_record(path) or {})['onnx']
        self.has_presence = PRESENCE in facts['outputs']
        super().__init__(
            data_preprocessor=cfg.model.get('data_preprocessor'),
            test_output=cfg.model.get('test_output'),
        )
        flips = facts.get('flips', False)
        if self.test_output.flips != flips:
            raise MammoError(
                f'{path}: test_output.flips={self.test_output.flips}, and what the file computes is '
                f'fixed: {flips}',
                str(flips),
                'Export the checkpoint again with that setting',
            )
        self.cfg, self.path = cfg, path
        self.align_corners = facts['align_corners']
        self.input_size = tuple(facts['inputs']['image'][2:])
        self.out_channels = facts['outputs']['logits'][1]
        # Where MMSegmentation looks for the threshold of one channel.
        self.decode_head = SimpleNamespace(threshold=trained_threshold(cfg))
        self.session = _session(path, device)
        self.eval()

    def encode_decode(self, inputs: Tensor, batch_data_samples: Any = None) -> Tensor:
        """B×3×H×W normalised -> B×C×H×W logits.

        Raises:
            MammoError: The file is for another size.
        """
        return self._compute(inputs, ['logits'])[0]

    def _compute(self, inputs: Tensor, names: list[str]) -> list[Tensor]:
        """Outputs of the file, by name; see :meth:`encode_decode`."""
        size = tuple(inputs.shape[-2:])
        if size != self.input_size:
            given, wanted = ('×'.join(map(str, each)) for each in (size, self.input_size))
            raise MammoError(f'{self.path}: an input of {given} pixels', wanted)
        statistics = self.data_preprocessor
        if getattr(statistics, '_enable_normalize', False):  # it normalises by itself
            inputs = inputs * statistics.std + statistics.mean
        return [*map(torch.from_numpy, self.session.run(names, {'image': inputs.cpu().numpy()}))]

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """As :class:`.InputGridEncoderDecoder`; B×3×H×W inputs, normalised."""
        names = ['logits', PRESENCE] if self.has_presence else ['logits']
        logits, *found = self._compute(inputs, names)
        presence = found[0].tolist() if found else None
        if data_samples is not None:
            return self.put_in(inputs, data_samples, self.from_logits(logits), presence)
        samples = self.finish(inputs, self.postprocess_result(logits))
        for sample, logit in zip(samples, presence or (), strict=False):
            self.test_output.gate(sample, logit)
        return samples

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        return self.encode_decode(inputs)

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """Refused: the file gives logits alone."""
        raise MammoError(f'{self.path}: features of an ONNX file', remedy='Take the checkpoint')

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Refused: an exported model is not trained."""
        raise MammoError(f'{self.path}: the loss of an ONNX file', remedy='Take the checkpoint')


def _session(path: Path, device: str) -> Any:
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    providers: list[Any] = ['CPUExecutionProvider']
    if device != 'cpu':
        providers.insert(0, (_ON_GPU, {'device_id': torch.device(device).index or 0}))
    try:
        return runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        reason = ' '.join(str(error).split())[:200]
        raise CheckpointError(f'{path}: onnxruntime cannot load it ({reason})') from error
