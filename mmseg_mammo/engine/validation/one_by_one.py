"""Loops that evaluate a batch image by image: memory does not grow with the sizes of originals."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.model import is_model_wrapper
from mmengine.runner import TestLoop, ValLoop
from mmengine.structures import PixelData
from mmseg.registry import LOOPS

from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.one_by_one import OneByOne, one_by_one


class HostPixelData(PixelData):
    """Pixels that stay where they are when a sample is moved to the device of the model.

    A true mask is as large as its original, and nothing on the device looks at it whole.
    """

    def to(self, *place: Any, **options: Any) -> 'HostPixelData':
        """Itself."""
        return self


def truth_stays(data_batch: Any) -> Any:
    """A batch whose true masks are :class:`HostPixelData`; the one that is given is not changed."""
    if not isinstance(data_batch, Mapping) or not data_batch.get('data_samples'):
        return data_batch
    samples = []
    for sample in data_batch['data_samples']:
        if 'gt_sem_seg' in sample:
            sample = sample.new()
            sample.gt_sem_seg = HostPixelData(data=sample.gt_sem_seg.data)
        samples.append(sample)
    return {**data_batch, 'data_samples': samples}


def one_by_one_model(model: Any) -> InputGrid | None:
    """The model inside its wrapper for several processes, if it can predict one by one.

    Test-time augmentation cannot: it merges the copies of a whole batch.
    """
    while is_model_wrapper(model):
        model = model.module
    return model if isinstance(model, InputGrid) else None


def predict_step(model: Any, step: str, data_batch: Any) -> Sequence[Any]:
    """The predictions of a batch, one by one where the model has it.

    Args:
        model: In its wrapper, if it has one.
        step: ``'val_step'`` or ``'test_step'``.
        data_batch: Of a loader.
    """
    inside = one_by_one_model(model)
    if inside is None:
        return getattr(model, step)(data_batch)
    with one_by_one(inside):
        return getattr(model, step)(truth_stays(data_batch))


def process_each(evaluator: Evaluator, outputs: Sequence[Any], data_batch: Any) -> None:
    """Give an evaluator the predictions of a batch, each alone where they are made one by one."""
    if not isinstance(outputs, OneByOne):
        evaluator.process(data_samples=outputs, data_batch=data_batch)
        return
    for number, sample in enumerate(outputs):
        own = {name: _alone(values, number, len(outputs)) for name, values in data_batch.items()}
        evaluator.process(data_samples=[sample], data_batch=own)


def _alone(values: Any, number: int, count: int) -> Any:
    """The part of one image; what a collate of a user has added for the whole batch stays whole."""
    several = isinstance(values, (list, tuple)) or getattr(values, 'ndim', 0) > 0
    return values[number : number + 1] if several and len(values) == count else values


@LOOPS.register_module()
class OneByOneValLoop(ValLoop):
    """mmengine's ``ValLoop``, which brings predictions onto the grids of originals one by one.

    Scores are the same. Other models than those of this package, and ``fp16=True``, are
    validated as in ``ValLoop``.
    """

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict and evaluate a batch."""
        if self.fp16 or one_by_one_model(self.runner.model) is None:
            super().run_iter(idx, data_batch)
            return
        self.runner.call_hook('before_val_iter', batch_idx=idx, data_batch=data_batch)
        outputs = predict_step(self.runner.model, 'val_step', data_batch)
        process_each(self.evaluator, outputs, data_batch)
        self.runner.call_hook(
            'after_val_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )


@LOOPS.register_module()
class OneByOneTestLoop(TestLoop):
    """mmengine's ``TestLoop``, as :class:`OneByOneValLoop` is its ``ValLoop``."""

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict and evaluate a batch."""
        if self.fp16 or one_by_one_model(self.runner.model) is None:
            super().run_iter(idx, data_batch)
            return
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        outputs = predict_step(self.runner.model, 'test_step', data_batch)
        process_each(self.evaluator, outputs, data_batch)
        self.runner.call_hook(
            'after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )


# In the place of mmengine's where the tools build a runner; every score stays as it is.
IN_PLACE_OF = {'ValLoop': 'OneByOneValLoop', 'TestLoop': 'OneByOneTestLoop'}


def in_place_of(loop: Any) -> Any:
    """Settings of a loop, or a loop; those of mmengine's own loops name ours instead."""
    if isinstance(loop, Mapping) and loop.get('type') in IN_PLACE_OF:
        return {**loop, 'type': IN_PLACE_OF[loop['type']]}
    return loop
