"""Lesion-size sampler: draws images with small lesions more often."""

import math
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_labels
from mmseg_mammo.io.mask import binarise


def lesion_share(path: str | None, known: str = '') -> float:
    """Share of the pixels of a mask file that are lesion; 0 without a file.

    Args:
        path: The file.
        known: What the index says of it, ``mask_share``; unless that is a share above 0, the file
            is read.
    """
    if not path:
        return 0.0
    with suppress(ValueError):
        if 0 < (share := float(known)) <= 1:
            return share
    return float(binarise(read_labels(Path(path)), path).mean())


def size_weights(
    shares: np.ndarray, power: float, limit: float, rare_large: bool = False
) -> np.ndarray:
    """How often each image is drawn, relative to a uniform draw.

    Sizes are counted in octaves of the area. The rarer a size below the median is in the data,
    the more often it is drawn; larger ones are drawn like the median.

    Args:
        shares: N lesion shares of the image area, 0 for normal images.
        power: 0 draws uniformly; 1 draws every octave equally often.
        limit: Largest ratio of a weight to the median one, and its inverse the smallest.
        rare_large: Whether rare sizes above the median are drawn more often too.

    Returns:
        N weights with mean 1. Normal images keep the weight 1: the share of normal images stays.
    """
    lesion = shares > 0
    weights = np.ones(len(shares))
    if lesion.any():
        octaves = np.floor(np.log2(shares[lesion])).astype(int)
        _, inverse, counts = np.unique(octaves, return_inverse=True, return_counts=True)
        rarity = (1.0 / counts[inverse]) ** power
        middle = np.sort(octaves)[len(octaves) // 2]
        if not rare_large:
            rarity[octaves > middle] = rarity[octaves == middle][0]
        rarity = (rarity / np.median(rarity)).clip(1 / limit, limit)
        weights[lesion] = rarity / rarity.mean()
    return weights


def share_normals(weights: np.ndarray, normal: np.ndarray, share: float | None) -> np.ndarray:
    """Change how often normal images are drawn, beside the others.

    Args:
        weights: N weights, above 0.
        normal: N bool.
        share: Of all draws that are normal images, from 0 to below 1; None changes nothing.

    Returns:
        N weights with the sum of ``weights``; normal images differ by one factor, the others by
        another.

    Raises:
        MammoError: The share is none, or cannot be had: there is no normal image, or no other one.
    """
    if share is None:
        return weights
    if not 0 <= share < 1 or (share and not normal.any()) or normal.all():
        raise MammoError(
            f'normal_share={share} of {normal.sum()} normal images and {(~normal).sum()} with a lesion',
            'from 0 to below 1, with images of both kinds; or None, which draws them as they come',
            'Normal images, or cuts, come by normal_sources of the data set; docs/absence.md',
        )
    found, total = weights.copy(), weights.sum()
    found[normal] *= share * total / max(found[normal].sum(), 1e-12)
    found[~normal] *= (1 - share) * total / found[~normal].sum()
    return found


@DATA_SAMPLERS.register_module()
class LesionSizeSampler(Sampler):
    """Draw images with replacement, those with small lesions more often; for training.

    An epoch has as many images as the data set. The k-th repeat of image ``i`` in an epoch is
    drawn as ``i + k * len(dataset)``, which ``MammographyDataset`` augments anew. Several processes
    share one draw. Masks that the index has no ``mask_share`` of are read when training starts.

    Args:
        dataset: A ``MammographyDataset``, not a wrapper of one.
        power, limit, rare_large: See :func:`size_weights`.
        normal_share: Share of the draws that are images without a lesion; None: their share of the data.
        seed: Of the draw, with the epoch; None takes one seed for all processes.

    Raises:
        MammoError: The data set is another one: it would not know the repeats of an image. Or the share
            of normal images cannot be had.
    """

    def __init__(
        self,
        *,
        dataset: Any,
        power: float = 0.5,
        limit: float = 4.0,
        rare_large: bool = False,
        normal_share: float | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(dataset, MammographyDataset):
            raise MammoError(
                f'LesionSizeSampler draws from a {type(dataset).__name__}',
                'a MammographyDataset that is not inside another data set',
                "Set train_dataloader.sampler to dict(_delete_=True, type='DefaultSampler', "
                'shuffle=True)',
            )
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        paths, known = (
            [info.get(name) for info in infos] for name in ('seg_map_path', 'mask_share')
        )
        with ThreadPoolExecutor() as pool:
            shares = np.array(list(pool.map(lesion_share, paths, known)))
        weights = size_weights(shares, power, limit, rare_large)
        normal = np.array([info.get('annotated') == 'normal' for info in infos])
        self.weights = torch.from_numpy(share_normals(weights, normal, normal_share))
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        """Indices of this process for the current epoch; repeats of an image are told apart."""
        generator = torch.Generator()
        generator.manual_seed(self.seed + self.epoch)
        drawn = torch.multinomial(
            self.weights, len(self) * self.world_size, replacement=True, generator=generator
        )
        seen: Counter[int] = Counter()
        indices = []
        for image in drawn.tolist():
            indices.append(image + seen[image] * len(self.weights))
            seen[image] += 1
        return iter(indices[self.rank :: self.world_size])

    def __len__(self) -> int:
        """Images of this process in an epoch, the same for every process."""
        return math.ceil(len(self.weights) / self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Draw anew; mmengine's ``DistSamplerSeedHook`` calls this before every epoch."""
        self.epoch = epoch
