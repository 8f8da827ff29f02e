"""Input grid: keeps predictions, and brings true masks, onto the grid of the network's input."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import resize_mask
from mmseg_mammo.io.mask import IGNORED
from mmseg_mammo.models.one_by_one import Complete, OneByOne
from mmseg_mammo.models.test_output import (
    clear_outside,
    input_breast,
    read_test_output,
    refuse_without_presence,
)


class InputGrid(BaseSegmentor):
    """A segmentor whose predictions have ``input_logits`` beside mmseg's ``seg_logits``.

    mmseg resizes logits to the grid of the prepared image and drops what the network gave. A
    comparison on the network's own grid needs that: small blobs do not survive the way back.

    Args:
        test_output: Settings of :class:`.TestOutput`: ``threshold``, ``temperature``,
            ``breast_only``, ``flips`` and those of presence. Predictions follow them, losses and raw logits
            (``mode='tensor'``) do not.
        kwargs: Of the segmentor.

    Attributes:
        has_presence: Whether the model says if an image has a lesion at all. A child that does
            sets it before this constructor runs.
        can_flip: Whether ``test_output.flips`` means something for the model.
        presence_parts: How the names of weights begin that say so. A training may start from a
            checkpoint without them.

    Raises:
        MammoError: A setting does not exist, its value means nothing, or the model has no presence or
            cannot flip.
    """

    one_by_one = False  # see the module of this name
    has_presence = False
    can_flip = False
    presence_parts: tuple[str, ...] = ()

    def __init__(self, *, test_output: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.test_output = read_test_output(test_output)
        if self.test_output.flips and not self.can_flip:
            raise MammoError(
                f'test_output.flips beside {type(self).__name__}',
                'InputGridEncoderDecoder, or a model of its folds',
                'Leave it out; of two stages each may have its own',
            )
        if not self.has_presence:
            refuse_without_presence(test_output, type(self).__name__)

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """The samples of mmseg, with ``input_logits`` if samples are given.

        Temperature and threshold of ``test_output`` are in them; ``breast_only``, which needs the
        image, is in what ``predict`` returns.

        Args:
            seg_logits: B×C×S×S.
            data_samples: Where predictions are put.

        Returns:
            ``input_logits`` of each is as ``seg_logits`` (of one channel its sigmoid), C×h×w of
            the picture alone: without padding, and not flipped.
        """
        seg_logits = self.test_output.scale(seg_logits)
        if data_samples is not None:
            size = (seg_logits.shape[-2], seg_logits.shape[-1])
            own = [
                SegDataSample(metainfo={**s.metainfo, 'ori_shape': picture_shape(s, size)})
                for s in data_samples
            ]
            for one, sample in zip(
                super().postprocess_result(seg_logits, own), data_samples, strict=True
            ):
                sample.input_logits = PixelData(data=one.seg_logits.data)
        found = super().postprocess_result(seg_logits, data_samples)
        for sample in found:
            self.test_output.cut(sample)
        return found

    def from_logits(self, logits: Tensor) -> Complete:
        """What puts B×C×S×S ``logits`` of a batch, one at a time, into samples."""
        return lambda i, sample: self.postprocess_result(logits[i : i + 1], [sample])

    def put_in(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample],
        complete: Complete,
        presence: Sequence[float] | None = None,
    ) -> Sequence[SegDataSample]:
        """The samples of a batch with their predictions, finished.

        Args:
            inputs: B×3×S×S, normalised.
            data_samples: B; changed in place, unless predictions are made one by one.
            complete: Puts the prediction of an image into its sample.
            presence: B raw logits of a lesion's presence, by which images are closed
                (:meth:`.TestOutput.gate`); None of a model without.
        """

        def finished(index: int, sample: SegDataSample) -> None:
            complete(index, sample)
            self.finish(inputs[index : index + 1], [sample])
            if presence is not None:
                self.test_output.gate(sample, presence[index])

        if self.one_by_one:
            return OneByOne(data_samples, finished)
        for index, sample in enumerate(data_samples):
            finished(index, sample)
        return data_samples

    def finish(self, inputs: Tensor, data_samples: list[SegDataSample]) -> list[SegDataSample]:
        """The samples, without probabilities outside the breast if ``breast_only`` says so.

        Args:
            inputs: B×3×S×S, normalised; each breast is looked for on them.
            data_samples: B predictions, changed in place.
        """
        if self.test_output.breast_only:
            for image, sample in zip(self.grey_levels(inputs), data_samples, strict=True):
                clear_outside(sample, input_breast(image, sample))
        return data_samples

    def grey_levels(self, inputs: Tensor) -> Tensor:
        """…×3×H×W normalised inputs -> the grey levels that they were made from, 0 to 255."""
        statistics = self.data_preprocessor
        if getattr(statistics, '_enable_normalize', False):
            return inputs * statistics.std + statistics.mean
        return inputs


def widen_truth(sample: SegDataSample) -> None:
    """Make the true mask of a sample int64, as the losses of mmseg want it."""
    if 'gt_sem_seg' in sample and sample.gt_sem_seg.data.dtype == torch.uint8:
        sample.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data.long())


def keep_candidates(model: InputGrid, offered: Tensor, sample: SegDataSample, count: int) -> None:
    """Add candidate masks to a sample, resized bit for bit like the kept mask.

    Args:
        model: That made them.
        offered: M×2×S×S logits, of which the first is zero.
        sample: Gets ``candidates`` and ``input_candidates``, ``count`` logits each, and of what is
            left ``best_of_each`` and ``input_best_of_each``.
        count: Number of candidates among the M.
    """
    scratch = [SegDataSample(metainfo=sample.metainfo) for _ in offered]
    model.postprocess_result(offered, scratch)
    for prefix, field in (('', 'seg_logits'), ('input_', 'input_logits')):
        logits = torch.stack([one.get(field).data[1] for one in scratch])
        sample.set_data({f'{prefix}candidates': PixelData(data=logits[:count])})
        if len(logits) > count:
            sample.set_data({f'{prefix}best_of_each': PixelData(data=logits[count:])})


def input_scale(sample: SegDataSample, shape: tuple[int, int]) -> tuple[float, float]:
    """Pixels of the network's input per pixel of the prepared image, (x, y).

    Raises:
        MammoError: The input is flipped, as test-time augmentation does, and prompts are not.
    """
    if sample.metainfo.get('flip'):
        raise MammoError(
            f'{sample.metainfo.get("img_path", "an image")}: a flipped input for SAM to predict on',
            remedy='Take RandomFlip out of the test pipeline; SAM has no test-time augmentation',
        )
    height, width = picture_shape(sample, shape)
    return width / sample.ori_shape[1], height / sample.ori_shape[0]


def true_mask(sample: SegDataSample, shape: tuple[int, int]) -> Tensor:
    """The true lesion on the network's input without its padding, on the CPU.

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
            'Give prompts in a table: --prompts FILE (docs/sam.md)',
        )
    height, width = picture_shape(sample, shape)
    return truth_on_input(sample, shape)[0, :height, :width].cpu() == 1


def truth_on_input(sample: SegDataSample, shape: tuple[int, int]) -> Tensor:
    """The true mask of a sample on the grid of the network's input.

    Training has it there already. Validation and tests have it on the image's own grid; it is
    resized by nearest neighbour, no lesion vanishes, and padding is filled with 255.

    Args:
        sample: With ``gt_sem_seg``, 1×H×W.
        shape: (H', W') of the input.

    Returns:
        1×H'×W', dtype and device of the mask.
    """
    truth = sample.gt_sem_seg.data
    if truth.shape[-2:] == shape:
        return truth
    height, width = picture_shape(sample, shape)
    resized = resize_mask(truth[0].cpu().numpy(), (height, width))
    margins = ((0, shape[0] - height), (0, shape[1] - width))
    padded = np.pad(resized, margins, constant_values=IGNORED)
    return torch.from_numpy(padded)[None].to(truth)


def picture_shape(sample: SegDataSample, shape: tuple[int, int]) -> tuple[int, int]:
    """(h, w) of the picture in an input of ``shape`` = (H, W); the rest, right and below, is padding."""
    return picture_of(sample.metainfo, shape)


def picture_of(meta: Mapping[str, Any], shape: tuple[int, int]) -> tuple[int, int]:
    """:func:`picture_shape` of the metainfo of a sample.

    The data preprocessor notes what it padded, as mmseg's ``postprocess_result`` reads it.
    """
    left, right, top, bottom = meta.get('img_padding_size') or meta.get('padding_size') or [0] * 4
    return shape[0] - top - bottom, shape[1] - left - right
