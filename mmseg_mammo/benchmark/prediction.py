"""Prediction benchmark: our predictor beside MMSegmentation's ``inference_model``, from file to mask."""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import set_random_seed
from mmseg.apis import inference_model

from mmseg_mammo.benchmark.cost import peak_memory
from mmseg_mammo.benchmark.peers import NoPeerError, with_peer
from mmseg_mammo.benchmark.train_step import OURS, build_model, paired_ratios
from mmseg_mammo.engine.provenance import clock
from mmseg_mammo.inference.prediction_folder.image_files import Outputs
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.prediction_folder.predict import predict_folder
from mmseg_mammo.inference.predictor import Predictor

THEIRS, THEIR_VIT = 'inference_model', "inference_model, mmseg's ViT"
COMMAND = 'mammoseg predict'
_MARKED = 0.999  # quantile of the probabilities of an untrained model above which it marks


def random_checkpoint(cfg: Config, path: Path) -> None:
    """Write a checkpoint with random weights, which predict at the same cost as trained ones.

    Args:
        cfg: With ``model``.
        path: The file.
    """
    set_random_seed(0)
    torch.save({'state_dict': build_model(cfg).state_dict(), 'meta': {}}, path)


def untrained_threshold(predictor: Predictor, image: Path) -> float:
    """A threshold above which an untrained model marks a thousandth of an image, as a trained one may.

    With another one it marks thousands of regions, and the time goes into describing them.
    """
    return float(np.quantile(predictor(image).probability, _MARKED))


def measure_prediction(predictor: Predictor, images: Sequence[Path]) -> dict[str, Any]:
    """Predict on images in turn by ours and by ``inference_model``, one by one.

    All have the same weights. Where the encoder has a peer, ``inference_model`` also runs with mmseg's
    own ViT, as a user of MMSegmentation has it.

    Args:
        predictor: With one model.
        images: Files. Each side predicts on the first of them once before.

    Returns:
        ``sides``, each with ``name``, ``seconds`` and ``cpu_seconds`` of each image, ``peak_bytes`` and
        ``equal``, the share of pixels whose mask is ours; and ``ratios``, theirs divided by ours.
    """
    model = predictor.members[0].model
    runs: dict[str, Callable[[Path], np.ndarray]] = {
        OURS: lambda path: predictor(path).mask,
        THEIRS: lambda path: _mask(inference_model(model, str(path))),
    }
    try:
        peer = with_peer(model, 'mmseg').eval()
        runs[THEIR_VIT] = lambda path: _mask(inference_model(peer, str(path)))
    except NoPeerError:
        pass
    sides = {name: _measure_peak(name, run, images[0], predictor) for name, run in runs.items()}
    for path in images:
        masks = {}
        for name, run in runs.items():
            start, cpu_start = clock(), time.process_time()
            masks[name] = run(path)
            sides[name]['seconds'].append(clock() - start)
            sides[name]['cpu_seconds'].append(time.process_time() - cpu_start)
        for name, mask in masks.items():
            sides[name]['equal'].append(float((mask == masks[OURS]).mean()))
    for side in sides.values():
        side['equal'] = statistics.mean(side['equal'])
        side['median_seconds'] = statistics.median(side['seconds'])
        side['median_cpu_seconds'] = statistics.median(side['cpu_seconds'])
    ours = sides[OURS]
    ratios = {
        name: {key: paired_ratios(side[key], ours[key]) for key in ('seconds', 'cpu_seconds')}
        for name, side in sides.items()
        if name != OURS
    }
    return {'images': len(images), 'sides': [*sides.values()], 'ratios': ratios}


def _mask(sample: Any) -> np.ndarray:
    return sample.pred_sem_seg.data[0].cpu().numpy() > 0


def _measure_peak(
    name: str, run: Callable[[Path], Any], image: Path, predictor: Predictor
) -> dict[str, Any]:
    run(image)
    peak = peak_memory(lambda: run(image), torch.device(predictor.device))
    return {'name': name, 'peak_bytes': peak, 'seconds': [], 'cpu_seconds': [], 'equal': []}


def measure_command(predictor: Predictor, images: Sequence[Path], out: Path) -> dict[str, Any]:
    """Predict on all images as ``mammoseg predict`` does: masks, overlays and tables.

    Args:
        predictor: With one model.
        images: Files.
        out: A new folder.

    Returns:
        ``name``, ``images``, and ``median_seconds`` and ``median_cpu_seconds`` of an image, which are
        means here.
    """
    inputs = find_inputs(list(images), out)
    start, cpu_start = clock(), time.process_time()
    predict_folder(predictor, inputs, out, Outputs())
    return {
        'name': COMMAND,
        'images': len(images),
        'median_seconds': (clock() - start) / len(images),
        'median_cpu_seconds': (time.process_time() - cpu_start) / len(images),
    }
