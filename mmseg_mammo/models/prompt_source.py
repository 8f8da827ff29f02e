"""Where the prompts of a sample come from, and how they are told to whoever reads results."""

import hashlib
from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Generator, Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.grids import picture_shape, truth_on_input
from mmseg_mammo.models.prompts import Prompts


def image_generator(sample: SegDataSample) -> Generator:
    """Random numbers of one image: the same in every batch, order, process and epoch."""
    meta = sample.metainfo
    name = f'{meta.get("source", "")}/{meta.get("image") or meta.get("img_path", "")}'
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], 'big'))


def true_mask(sample: SegDataSample, shape: tuple[int, int]) -> Tensor:
    """The true lesion on the picture's part of the network's input, on the CPU.

    Args:
        sample: With ``gt_sem_seg``.
        shape: (H', W') of the input.

    Returns:
        h×w bool.

    Raises:
        MammoError: The sample has no truth.
    """
    if 'gt_sem_seg' not in sample:
        raise MammoError(
            f'{sample.metainfo.get("img_path", "an image")}: no true mask to take prompts from',
            'annotated images where model.prompts_from is truth',
            "Give prompts in a prompts.csv and set model.prompts_from='given' (docs/sam.md)",
        )
    height, width = picture_shape(sample, shape)
    return truth_on_input(sample, shape)[0, :height, :width].cpu() == 1


def given_prompts(sample: SegDataSample) -> Prompts:
    """What ``LoadPrompts`` noted on a sample, in pixels of the prepared image.

    Raises:
        MammoError: It noted nothing.
    """
    given = sample.metainfo.get('prompts')
    if given is None:
        raise MammoError(
            f'{sample.metainfo.get("img_path", "an image")}: no prompts, and model.prompts_from '
            'is given',
            'the transform LoadPrompts in the test pipeline, before PackMammogram',
            'Add it, or take prompts from the truth with model.prompts_from=truth (docs/sam.md)',
        )
    boxes = given['boxes']
    points = torch.tensor(given['points'], dtype=torch.float32)
    return Prompts(
        points=points.reshape(len(given['labels']), -1, 2),
        labels=torch.tensor(given['labels'], dtype=torch.int64),
        boxes=None if boxes is None else torch.tensor(boxes, dtype=torch.float32),
    )


def without_padding(prompts: Prompts) -> list[Prompts]:
    """The prompts of each object alone, its padding left out."""
    alone = []
    for index, labels in enumerate(prompts.labels):
        real = labels >= 0
        box = None if prompts.boxes is None else prompts.boxes[index : index + 1]
        alone.append(Prompts(prompts.points[index : index + 1, real], labels[None, real], box))
    return alone


def described(prompts: Prompts) -> dict[str, list[list[Any]]]:
    """Metainfo of a prediction: ``prompt_points`` ([x, y, label]) and ``prompt_boxes``."""
    points = [
        [*place, label]
        for places, labels in zip(prompts.points.tolist(), prompts.labels.tolist(), strict=True)
        for place, label in zip(places, labels, strict=True)
        if label >= 0
    ]
    boxes = [] if prompts.boxes is None else prompts.boxes.tolist()
    return {'prompt_points': points, 'prompt_boxes': boxes}
