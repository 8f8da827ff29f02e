"""Export as ONNX: U-Net and SETR as one file, SAM as encoder and decoder, each with its record."""

import importlib
import json
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.test_output import describe_test_output
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.errors import HostError, MammoError
from mmseg_mammo.inference.export import check_export, exported_record
from mmseg_mammo.inference.onnx.networks import PRESENCE, Decoder, Encoder, WholeNetwork
from mmseg_mammo.inference.trained_model import TrainedModel
from mmseg_mammo.io.checkpoint_record import FORMAT, ONNX_KEY, record_text
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.onnx.metadata import pack_metadata
from mmseg_mammo.models.input_grid import InputGrid, picture_shape
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.models.test_output import OF_PRESENCE
from mmseg_mammo.models.two_stage.segmentor import TwoStageSegmentor

OPSET = 17  # the newest that the exporter of torch 2.1 writes
_LARGEST = 2**31 - 2**24  # bytes of weights; the rest of the two gigabytes is for the graph
# A network, an input of it, and the axes that may change.
Part = tuple[Any, tuple[Tensor, ...], dict[str, dict[int, str]]]
# Axes that are no constant, by input and output.
_BATCH = {name: {0: 'batch'} for name in (*WholeNetwork.inputs, *WholeNetwork.outputs, PRESENCE)}
_SETTINGS = ('threshold', 'temperature', 'breast_only', 'flips', *OF_PRESENCE)
_POINTS = {'point_coords': {1: 'points'}, 'point_labels': {1: 'points'}}


def export_onnx(cfg: Config, checkpoint: Path, out: Path) -> list[Path]:
    """Write a model as ONNX, for onnxruntime and others.

    Args:
        cfg: Config of the training, changed in place; its test-time output goes along.
        checkpoint: File that the training left.
        out: File to write; it must not exist. Of a SAM its name is followed by ``_encoder`` and
            ``_decoder``.

    Returns:
        The files that were written.

    Raises:
        CheckpointError: See :func:`.check_export` and :func:`.read_checkpoint`.
        MammoError: ONNX cannot hold such a model.
        HostError: The package onnx is missing, or the exporter of this torch cannot write it.
    """
    if is_a(cfg.model.get('type'), TwoStageSegmentor, MODELS):
        raise MammoError(
            'TwoStageSegmentor as ONNX: what lies between its stages is no network',
            'models of one stage',
            'Export the checkpoints of its stages, which are beside it',
        )
    check_onnx_installed()
    sam = is_a(cfg.model.get('type'), SAMSegmentor, MODELS)
    names = ('encoder', 'decoder') if sam else ('',)
    files = [out.with_stem(f'{out.stem}_{name}') if name else out for name in names]
    for file in files:
        check_export(checkpoint, file)
    start = {'format': FORMAT, 'name': Path(cfg.filename or 'unnamed').stem, 'base': []}
    record = start | exported_record(cfg, checkpoint)
    parts = _parts_of_sam(cfg, checkpoint) if sam else [_whole(cfg, checkpoint)]
    metadata = _describe(cfg, record)
    with ExitStack() as unfinished:
        for (network, example, axes), name, file in zip(parts, names, files, strict=True):
            own = {'part': name or 'model', 'opset': OPSET, **_shapes(network, example, axes)}
            if not sam:
                own['align_corners'] = bool(network.model.align_corners)
                own['flips'] = network.model.test_output.flips
            text = record_text({**record, 'onnx': own})
            _write_onnx(network, example, axes, {**metadata, ONNX_KEY: text}, file)
            unfinished.callback(file.unlink, missing_ok=True)  # an encoder without its decoder
        unfinished.pop_all()
    return files


def check_onnx_installed() -> None:
    """See that ONNX files can be written.

    Raises:
        HostError: The package onnx is not installed.
    """
    try:
        importlib.import_module('onnx')
    except ImportError as error:
        raise HostError(
            'An export as ONNX needs the package onnx, which is not installed',
            remedy="pip install '.[onnx]' in the repository",
        ) from error


def _whole(cfg: Config, checkpoint: Path) -> Part:
    """The network of a model without prompts, an input, and the axes that may change."""
    trained = TrainedModel(cfg, checkpoint, 'cpu')
    model = trained.model
    whole = (model.test_cfg or {}).get('mode', 'whole') == 'whole'
    if not (isinstance(model, EncoderDecoder) and isinstance(model, InputGrid) and whole):
        raise MammoError(
            f'{type_name(cfg.model.type)} with test_cfg={dict(model.test_cfg or {})} as ONNX',
            "InputGridEncoderDecoder with dict(mode='whole'), or SAMSegmentor",
        )
    size = _input_size(trained)
    return WholeNetwork(model, size).eval(), (torch.zeros(2, 3, *size),), _BATCH


def _parts_of_sam(cfg: Config, checkpoint: Path) -> list[Part]:
    cfg.model.pop('embedding_cache', None)
    model = load_model(cfg, checkpoint)
    side, decoder = model.image_encoder.img_size, Decoder(model).eval()
    encoder: Part = Encoder(model).eval(), (torch.zeros(1, 3, side, side),), {}
    return [encoder, (decoder, decoder.example(), _POINTS)]


def _input_size(trained: TrainedModel) -> tuple[int, int]:
    """(H, W) of what the steps make of images.

    Raises:
        MammoError: It depends on the image.
    """
    sizes = set()
    with tempfile.TemporaryDirectory() as folder:
        for shape in ((480, 320), (320, 480)):
            levels = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
            path = Path(folder) / f'{shape[0]}.png'
            write_png(path, levels)
            found, _ = trained.load(path, {'spacing_mm': (0.5, 0.5)})  # for steps that ask
            batch = {'inputs': [found['inputs']], 'data_samples': [found['data_samples']]}
            batch = trained.model.data_preprocessor(batch)
            height, width = batch['inputs'].shape[-2:]
            sizes.add((height, width))
            picture = picture_shape(batch['data_samples'][0], (height, width))
            if picture != (height, width) and trained.model.test_output.flips:
                raise MammoError(
                    'test_output.flips of a model whose input is padded as ONNX: the graph does not '
                    'know where the picture ends',
                    'an input without padding',
                    'Set model.test_output.flips=False',
                )
    if len(sizes) > 1:
        raise MammoError(
            'a model whose input has the aspect ratio of the image as ONNX',
            'an input of one size',
            'Set keep_ratio=False of Resize, or model.data_preprocessor.type=PaddedDataPreProcessor',
        )
    return sizes.pop()


def _describe(cfg: Config, record: Mapping[str, Any]) -> dict[str, str]:
    """Metadata for programs that do not know the record."""
    output = describe_test_output(cfg)
    return {
        'about': 'image: float32 grey levels from 0 to 255 in three equal channels, after the '
        'steps of input; normalised inside. Not a medical device.',
        'input': json.dumps(
            {**record['input'], 'preparation': record.get('preparation') or {}}, default=str
        ),
        **{name: json.dumps(output[name]) for name in _SETTINGS if name in output},
    }


def _shapes(network: Any, example: tuple[Tensor, ...], axes: Mapping) -> dict[str, Any]:
    with torch.no_grad():
        results = network(*example)
    results = results if isinstance(results, tuple) else (results,)
    found = {}
    for kind, tensors in (('inputs', example), ('outputs', results)):
        named = zip(getattr(network, kind), tensors, strict=True)
        found[kind] = {
            name: [axes.get(name, {}).get(n, length) for n, length in enumerate(tensor.shape)]
            for name, tensor in named
        }
    return found


def _write_onnx(
    network: Any, example: tuple[Tensor, ...], axes: dict, metadata: Mapping[str, str], out: Path
) -> None:
    size = sum(p.numel() * p.element_size() for p in network.parameters())
    if size > _LARGEST:
        raise MammoError(f'{size / 1e9:.1f} GB of weights as ONNX', 'at most 2 GB')
    options: dict[str, Any] = dict(
        input_names=[*network.inputs],
        output_names=[*network.outputs],
        opset_version=OPSET,
        dynamic_axes=axes,
    )
    if 'dynamo' in signature(torch.onnx.export).parameters:
        # The other one, which earlier torch lacks, needs two more packages and takes much longer.
        options['dynamo'] = False

    def write(stream: Any) -> None:
        torch.onnx.export(network, example, stream, **options)
        stream.write(pack_metadata(metadata))

    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # shapes are constants here, and meant to be
            write_atomic(out, write)
    except (RuntimeError, TypeError) as error:
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())[:200]
        raise HostError(
            f'torch {torch.__version__} cannot write this model as ONNX ({reason})',
            'torch 2.12, with which it was tried',
            'Export the checkpoint in an environment with that',
        ) from error
