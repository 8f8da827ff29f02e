"""Endless sampler: draws the images of a small data set again and again, each time anew."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.errors import MammoError


@DATA_SAMPLERS.register_module()
class EndlessSampler(Sampler):
    """Shuffle the images without end, for trainings that count in steps.

    Of mmengine's ``InfiniteSampler`` each round has the same indices, and ``MammographyDataset``
    would augment an image the same way in each. Here the k-th draw of image ``i`` is
    ``i + k * len(dataset)``, which it augments anew. Workers never start again between rounds.
    Several processes share one draw.

    Args:
        dataset: A ``MammographyDataset``, not a wrapper of one.
        seed: Of the draw; None takes one seed for all processes.

    Raises:
        MammoError: The data set is another one: it would not know the repeats of an image.
    """

    def __init__(self, *, dataset: Any, seed: int | None = None) -> None:
        if not isinstance(dataset, MammographyDataset):
            raise MammoError(
                f'EndlessSampler draws from a {type(dataset).__name__}',
                'a MammographyDataset that is not inside another data set',
                "Set train_dataloader.sampler.type='InfiniteSampler'",
            )
        self.size = len(dataset)
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self._skipped = 0

    def __iter__(self) -> Iterator[int]:
        """Indices of this process, from the beginning or behind those that are skipped."""
        first = self.rank + self._skipped * self.world_size
        return itertools.islice(self._all(), first, None, self.world_size)

    def _all(self) -> Iterator[int]:
        generator = torch.Generator()
        generator.manual_seed(self.seed)
        for turn in itertools.count():
            order = torch.randperm(self.size, generator=generator)
            yield from (order + turn * self.size).tolist()

    def __len__(self) -> int:
        """Images of the data set; there is no end."""
        return self.size

    def skip(self, num_samples: int) -> None:
        """Begin behind as many indices of this process, of a training that goes on."""
        self._skipped = num_samples

    def set_epoch(self, epoch: int) -> None:
        """Nothing: the draw goes on."""
