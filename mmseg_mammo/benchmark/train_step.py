"""Training-step benchmark: measures a model and its peers in turn, on one batch."""

import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.runner import set_random_seed
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_mammo.benchmark.cost import count_flops, peak_memory
from mmseg_mammo.benchmark.peers import NoPeerError, with_peer
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.provenance import clock, config_hash
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.input_grid import InputGrid, widen_truth
from mmseg_mammo.models.peft.trainable import count_parameters

OURS = 'ours'


@dataclass
class Side:
    """One of the compared models, and its measurements.

    Attributes:
        model: None once it ran out of memory, or if the peer does not fit the config.
        facts: ``parameters``, ``trained``, ``loss`` (of the first step), ``flops`` and
            ``uncounted`` (operators) of a step, ``model_bytes`` (weights, buffers and the
            optimiser's state) and ``step_peak_bytes`` (what a step needs beyond them). Of a
            peer that does not fit the ``reason`` alone.
        seconds: Of each timed step, by the clock on the wall.
        cpu_seconds: The same by the processor's, all threads: others on the machine do not count.
        error: Why nothing more was measured, or None.
    """

    name: str
    model: Any
    optimizer: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    error: str | None = None


def check_trainable(cfg: Config, name: str) -> None:
    """Refuse a config whose training step a single process cannot do.

    Args:
        cfg: The config.
        name: Of its file, for the message.

    Raises:
        MammoError: It has no training, or its model is split over processes.
    """
    if not cfg.get('train_dataloader') or 'strategy' in cfg:
        raise MammoError(
            f'{name}: ' + ('a split model' if 'strategy' in cfg else 'it has no training'),
            'a config that a single process trains, such as setr_pup_vpt_cbis.py',
        )


def measure(
    cfg: Config, against: Sequence[str], batch: dict[str, Any], warmup: int, steps: int
) -> dict[str, Any]:
    """Train a model and its peers in turn on one batch, and report the cost of a step of each.

    Weights are random: no pre-trained file is read, and time does not depend on them. All sides
    start with the same ones and draw the same random numbers in every step, so that their
    losses agree as far as their encoders do.

    Args:
        cfg: With ``model`` and ``optim_wrapper``.
        against: Names of :data:`mmseg_mammo.benchmark.peers.PEERS`.
        batch: As a loader gives it: ``inputs``, B tensors 3×H×W, and B ``data_samples``.
        warmup: Steps before the timed ones, at least 1; in the first one operations are counted.
        steps: Timed steps of each side, at least 1.

    Returns:
        A row for the table and the file; ``docs/benchmark.md`` describes it. A peer that cannot
        stand for the encoder of this config has an ``error`` and no numbers.
    """
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    set_random_seed(0, deterministic=bool(cfg.get('randomness', {}).get('deterministic')))
    torch.backends.cudnn.benchmark = bool(cfg.get('env_cfg', {}).get('cudnn_benchmark'))
    model = build_model(cfg)
    sides = [Side(OURS, model), *(_peer_of(model, name) for name in against)]
    del model  # a side that runs out of memory must be able to let it go
    batch = {name: [item.to(device) for item in items] for name, items in batch.items()}
    alternate(sides, [partial(_start, cfg=cfg, device=device)])
    alternate(sides, [partial(_first_step, batch=batch)])
    alternate(sides, [partial(_step, batch=batch, seed=n) for n in range(1, warmup)])
    alternate(sides, [partial(_time_step, batch=batch, seed=warmup + n) for n in range(steps)])
    alternate(sides, [partial(_weigh, batch=batch, device=device)])
    images = len(batch['inputs'])
    return {
        'config': cfg.filename,
        'config_sha256': config_hash(cfg),
        'batch_size': images,
        'input': [*batch['inputs'][0].shape[-2:]],
        'precision': type_name(cfg.optim_wrapper.type),
        'sides': [describe(side, images) for side in sides],
        'ratios': {side.name: compare(sides[0], side) for side in sides[1:]},
    }


def _peer_of(model: nn.Module, name: str) -> Side:
    try:
        return Side(name, with_peer(model, name))
    except NoPeerError as error:
        return Side(name, None, facts={'reason': str(error)}, error='does not fit')


def build_model(cfg: Config) -> nn.Module:
    """The model of ``cfg`` with random weights: no file of weights or embeddings is read."""
    settings = cfg.model.to_dict()
    _forget_files(settings)
    with warnings.catch_warnings():  # of mmseg's loss, once for each model
        warnings.filterwarnings('ignore', message='Default ``avg_non_ignore``')
        model = MODELS.build(settings)
    if not isinstance(model, InputGrid):  # as our runner does
        model.data_preprocessor.register_forward_hook(_widen_masks)
    return model


def _widen_masks(_: nn.Module, __: Any, data: Any) -> None:
    """Give segmentors of others, which know of no small masks, those of mmseg's steps."""
    for sample in data.get('data_samples') or []:
        widen_truth(sample)


def _forget_files(node: Any) -> None:
    if isinstance(node, dict):
        node.update({name: None for name in ('pretrained', 'embedding_cache') if name in node})
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, (dict, list, tuple)):
            _forget_files(child)


def alternate(sides: Iterable[Side], actions: Iterable[Callable[[Side], Any]]) -> None:
    """Do each action for every side in turn (A B A B …); leave out one that is out of memory."""
    for action in actions:
        for side in sides:
            if side.error is None:
                try:
                    action(side)
                except torch.cuda.OutOfMemoryError:
                    side.error = 'out of memory'
                if side.error:  # here, because the exception holds on to the tensors
                    side.model = side.optimizer = None
                    gc.collect()
                    torch.cuda.empty_cache()


def _start(side: Side, cfg: Config, device: torch.device) -> None:
    total, trained = count_parameters(side.model)
    side.facts.update(parameters=total, trained=trained)
    side.model.to(device).train()
    side.optimizer = build_optim_wrapper(side.model, cfg.optim_wrapper)


def _step(side: Side, batch: dict[str, Any], seed: int) -> Tensor:
    torch.manual_seed(seed)  # dropout and prompts: the same on all sides
    return side.model.train_step(batch, side.optimizer)['loss']


def _first_step(side: Side, batch: dict[str, Any]) -> None:
    def run() -> None:
        side.facts['loss'] = float(_step(side, batch, seed=0).detach())

    side.facts['flops'], side.facts['uncounted'] = count_flops(run)


def _time_step(side: Side, batch: dict[str, Any], seed: int) -> None:
    start, cpu_start = clock(), time.process_time()
    _step(side, batch, seed)
    side.seconds.append(clock() - start)
    side.cpu_seconds.append(time.process_time() - cpu_start)


def _weigh(side: Side, batch: dict[str, Any], device: torch.device) -> None:
    """Measure memory, apart from time: giving memory back first makes a step on a CPU slower."""
    side.facts['step_peak_bytes'] = peak_memory(lambda: _step(side, batch, seed=0), device)
    side.facts['model_bytes'] = held_bytes(side.model, side.optimizer)


def held_bytes(model: nn.Module, optimizer: OptimWrapper) -> int:
    """Bytes of the weights, the buffers and the optimiser's state."""
    state = [value for values in optimizer.optimizer.state.values() for value in values.values()]
    tensors = [*model.parameters(), *model.buffers(), *filter(torch.is_tensor, state)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def describe(side: Side, images: int) -> dict[str, Any]:
    """The measurements of a side, with the median of its times and the values derived from it.

    Args:
        side: Measured.
        images: Of a step.
    """
    found = {'name': side.name, 'error': side.error, **side.facts}
    found.update(seconds=side.seconds, cpu_seconds=side.cpu_seconds)
    if side.seconds:
        median = statistics.median(side.seconds)
        found['median_seconds'] = median
        found['images_per_second'] = images / median
        found['flops_per_second'] = side.facts['flops'] / median
    return found


def compare(ours: Side, peer: Side) -> dict[str, Any]:
    """Ours divided by the peer: below 1, ours needs less.

    Returns:
        ``time`` and ``cpu_time`` with the quartiles of the ratios of neighbouring steps (lower,
        median, upper), and ``memory``, the ratio of ``step_peak_bytes``; None for what was not
        measured.
    """
    mine, theirs = (side.facts.get('step_peak_bytes') for side in (ours, peer))
    return {
        'time': paired_ratios(ours.seconds, peer.seconds),
        'cpu_time': paired_ratios(ours.cpu_seconds, peer.cpu_seconds),
        'memory': mine / theirs if mine and theirs else None,
    }


def paired_ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float] | None:
    """Lower quartile, median and upper quartile of ``ours`` divided by ``theirs``, pair by pair.

    None without pairs; what one of them has more is left out.
    """
    ratios = [a / b for a, b in zip(ours, theirs, strict=False)]
    if len(ratios) < 2:
        return ratios * 3 or None
    return statistics.quantiles(ratios, n=4, method='inclusive')
