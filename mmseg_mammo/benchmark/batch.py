"""Benchmark batch: synthetic or real images and masks, made without the training loader."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError


def synthetic_batch(images: int, height: int, width: int, seed: int = 0) -> dict[str, Any]:
    """A batch as a loader gives it: noise, each image with a round lesion.

    Returns:
        ``inputs``, uint8 1×height×width, and ``data_samples`` whose ``gt_sem_seg`` is
        1×height×width uint8, 1 in a disc of an eighth of the shorter side.
    """
    generator = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    inputs, samples = [], []
    for _ in range(images):
        noise = torch.randint(256, (1, height, width), generator=generator, dtype=torch.uint8)
        inputs.append(noise)
        y, x = (torch.rand(2, generator=generator) * torch.tensor([height, width])).tolist()
        disc = (rows - y) ** 2 + (columns - x) ** 2 <= (min(height, width) / 8) ** 2
        shape = {'img_shape': (height, width), 'ori_shape': (height, width)}
        sample = SegDataSample(metainfo={**shape, 'scale_factor': (1.0, 1.0)})
        sample.gt_sem_seg = PixelData(data=disc[None].to(torch.uint8))
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


def real_batch(cfg: Config, images: int) -> dict[str, Any]:
    """The first batch of the training data of ``cfg``, with ``images`` images.

    Raises:
        MammoError: There are fewer.
    """
    loader = {**cfg.train_dataloader, 'batch_size': images, 'num_workers': 0}
    loader['persistent_workers'] = False
    batch = next(iter(Runner.build_dataloader(loader, seed=0)))
    if len(batch['inputs']) < images:
        raise MammoError(
            f'--batch-size {images}: the training data has {len(batch["inputs"])} images',
            remedy='Take a smaller batch, or leave out --data',
        )
    return batch
