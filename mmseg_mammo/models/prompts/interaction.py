"""Interaction: first prompts of an image, and further clicks of a simulated reader."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Generator, Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.mask import IGNORED, is_image_label
from mmseg_mammo.models.input_grid import input_scale, true_mask, truth_on_input
from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.prompts.samplers import ErrorPointSampler, PromptSampler


@dataclass(frozen=True)
class Interaction:
    """First prompts of an image, and the simulated reader who corrects predictions.

    Attributes:
        prompts: Of O objects, in pixels of the network's input.
        objects: O×h×w bool on the picture's part of the input; None if prompts were given.
        sampler: Where the prompts are from; None if they were given.
        generator: Its random numbers; None for torch's own.
    """

    prompts: Prompts
    objects: Tensor | None = None
    sampler: PromptSampler | None = None
    generator: Generator | None = None

    @property
    def rounds(self) -> int:
        """The number of further prompts after the first ones."""
        return self.sampler.rounds if self.sampler else 0

    def next_prompts(self, prompts: Prompts, predicted: Tensor) -> Prompts:
        """One more point per object, given what was predicted (O×H'×W' bool on the input)."""
        assert isinstance(self.sampler, ErrorPointSampler)
        assert self.objects is not None
        height, width = self.objects.shape[-2:]
        seen = predicted[:, :height, :width].cpu()
        return self.sampler.next_prompts(prompts, self.objects, seen, self.generator)


def prompts_from_truth(
    sample: SegDataSample,
    shape: tuple[int, int],
    sampler: PromptSampler,
    generator: Generator | None = None,
) -> Interaction:
    """Prompts that a sampler takes from the true mask, on the grid of an input of ``shape``.

    Raises:
        MammoError: The sample has no truth, or nobody outlined its lesion.
    """
    if is_image_label(sample.metainfo):
        raise MammoError(
            f'{sample.metainfo.get("img_path", "an image")}: its lesion has no mask to take prompts from',
            'images with a mask where model.prompts_from is truth',
            'Set image_labels=False in the data set of the config, which leaves it out',
        )
    objects = sampler.objects(true_mask(sample, shape))
    return Interaction(sampler(objects, generator), objects, sampler, generator)


def prompts_from_metainfo(sample: SegDataSample, shape: tuple[int, int]) -> Interaction:
    """The prompts that ``LoadPrompts`` noted on a sample, on the grid of an input of ``shape``."""
    return Interaction(given_prompts(sample).scale(*input_scale(sample, shape)))


def centre_click_sample(shape: Sequence[int]) -> SegDataSample:
    """A sample of an input of ``shape`` = (H, W) without padding, clicked in its centre."""
    height, width = map(int, shape)  # tensors, where torch traces a model
    points = [[[(width - 1) / 2, (height - 1) / 2]]]
    given = {'points': points, 'labels': [[1]], 'boxes': None}
    return SegDataSample(metainfo={'ori_shape': (height, width), 'prompts': given})


def image_generator(sample: SegDataSample) -> Generator:
    """A generator seeded by the image: the same in every batch, order, process and epoch."""
    meta = sample.metainfo
    name = f'{meta.get("source", "")}/{meta.get("image") or meta.get("img_path", "")}'
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], 'big'))


def targets_on_input(
    prompting: Interaction, sample: SegDataSample, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """O×H'×W' bool, the true objects, and H'×W' bool, the pixels outside of the padding.

    Args:
        prompting: From the truth.
        sample: With ``gt_sem_seg``.
        shape: (H', W') of the input.
    """
    assert prompting.objects is not None
    height, width = prompting.objects.shape[-2:]
    objects = F.pad(prompting.objects, (0, shape[1] - width, 0, shape[0] - height))
    return objects, truth_on_input(sample, shape)[0] != IGNORED


def given_prompts(sample: SegDataSample) -> Prompts:
    """The prompts that ``LoadPrompts`` noted on a sample, in pixels of the prepared image.

    Of an image without a prompt it notes no object.

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
    boxes, labels = given['boxes'], given['labels']
    shape = len(labels), len(labels[0]) if labels else 0
    return Prompts(
        points=torch.tensor(given['points'], dtype=torch.float32).reshape(*shape, 2),
        labels=torch.tensor(labels, dtype=torch.int64).reshape(shape),
        boxes=None if boxes is None else torch.tensor(boxes, dtype=torch.float32),
    )
