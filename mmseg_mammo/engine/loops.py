"""Validation loop: computes the training loss on the validation images too."""

import math
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from mmengine.dist import all_gather_object, get_dist_info
from mmengine.structures import PixelData
from mmseg.registry import LOOPS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.engine.fsdp import is_sharded
from mmseg_mammo.engine.validation.one_by_one import OneByOneValLoop, truth_stays
from mmseg_mammo.engine.validation.shared_features import encode_once
from mmseg_mammo.models.input_grid import truth_on_input
from mmseg_mammo.models.peft.trainable import unwrapped


@LOOPS.register_module()
class LossValLoop(OneByOneValLoop):
    """mmengine's validation, and the training loss on the same images.

    The metrics gain ``val_loss`` and, as ``val_<name>``, each part of it: means over images,
    each counting once, whatever the batches and the number of processes. The model is in eval
    mode. True masks, which validation has on each image's own grid, are brought onto that of
    the network's input by nearest neighbour; no lesion vanishes, and padding does not count.
    Losses and predictions share one pass through the encoder.
    """

    def run(self) -> dict[str, float]:
        """Validate, as mmengine's loop does."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        self._sums: dict[str, float] = {}
        self._images = 0
        rank, processes = get_dist_info()
        # The sampler deals the images out in turn, and then its repeats.
        self._own = math.ceil((len(self.dataloader.dataset) - rank) / processes)
        for index, data_batch in enumerate(self.dataloader):
            # Losses never are under autocast: with fp16=True nothing can be shared.
            sharing = nullcontext() if self.fp16 else encode_once(unwrapped(self.runner.model))
            with sharing:
                self.run_iter(index, data_batch)
                self._add_losses(data_batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        metrics.update(mean_losses(all_gather_object((self._sums, self._images))))
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics

    @torch.no_grad()
    def _add_losses(self, data_batch: dict) -> None:
        model = unwrapped(self.runner.model)
        # The forward of a wrapper may talk to the other processes, which have other numbers of
        # batches: PyTorch's broadcasts buffers. A split model cannot do without.
        called = self.runner.model if is_sharded(self.runner.model) else model
        data = model.data_preprocessor(truth_stays(data_batch), False)
        kept = min(len(data['inputs']), self._own - self._images)
        computed = max(kept, 1)  # a split model needs every process at every step
        inputs: Tensor = data['inputs'][:computed]
        samples = [
            sample_on_grid(sample, inputs.shape[-2:]).to(inputs.device)
            for sample in data['data_samples'][:computed]
        ]
        _, losses = model.parse_losses(called(inputs, samples, mode='loss'))
        for name, value in losses.items():
            if 'loss' in name:
                self._sums[name] = self._sums.get(name, 0.0) + float(value) * kept
        self._images += kept


def sample_on_grid(sample: SegDataSample, shape: Sequence[int]) -> SegDataSample:
    """A copy of a sample whose true mask, int64, has the grid ``shape``; see :func:`truth_on_input`."""
    copy = SegDataSample(metainfo=sample.metainfo)
    copy.gt_sem_seg = PixelData(data=truth_on_input(sample, (shape[0], shape[1])).long())
    return copy


def mean_losses(parts: Sequence[tuple[dict[str, float], int]]) -> dict[str, float]:
    """``val_<name>`` per loss: the mean over all images of all processes.

    Args:
        parts: For each process the sums of its losses over its images, and their number.
    """
    images = sum(count for _, count in parts)
    names = {name for sums, _ in parts for name in sums}
    return {
        f'val_{name}': sum(sums.get(name, 0.0) for sums, _ in parts) / images
        for name in sorted(names)
    }
