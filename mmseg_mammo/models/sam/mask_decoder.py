"""SAM's prompt encoder and mask decoder: built, called, and their candidates selected.

Shape shorthand: O objects, K = 3 candidates, s×s patches, C channels of an embedding.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
from torch import Tensor

from mmseg_mammo.models.prompts.interaction import Interaction
from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.sam.decoder_attention import use_kernels
from mmseg_mammo.models.sam.image_encoder import PATCH
from mmseg_mammo.models.sam.object_decoder import Decoded, ObjectMaskDecoder

CHOICES = ('predicted_iou', 0, 1, 2)
# The logit where nothing was asked for: half precision holds it, and its sigmoid is exactly zero.
NOTHING = -1e4


class Round(NamedTuple):
    """What is known after a prompt of each object.

    Attributes:
        logits: O×K×S×S on the input.
        iou: O×K, predicted.
        prompts: That gave them.
        object_logit: O, of there being a lesion; None of a model that does not say.
    """

    logits: Tensor
    iou: Tensor
    prompts: Prompts
    object_logit: Tensor | None = None


def build_small_parts(
    channels: int, img_size: int, object_score: bool = False
) -> tuple[PromptEncoder, MaskDecoder]:
    """SAM's prompt encoder and mask decoder of width ``channels``, 256 in Meta's files.

    Args:
        channels: C, a multiple of 16.
        img_size: Side of the input in pixels.
        object_score: Whether the decoder is an :class:`.ObjectMaskDecoder`.
    """
    side = img_size // PATCH
    transformer = TwoWayTransformer(
        depth=2, embedding_dim=channels, num_heads=8, mlp_dim=8 * channels
    )
    use_kernels(transformer)
    decoder = ObjectMaskDecoder if object_score else MaskDecoder
    return (
        PromptEncoder(channels, (side, side), (img_size, img_size), mask_in_chans=16),
        decoder(
            transformer_dim=channels,
            transformer=transformer,
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=channels,
        ),
    )


def decode(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    embedding: Tensor,
    prompts: Prompts,
    mask: Tensor | None = None,
) -> Decoded:
    """Candidate masks for the objects of one image, in float32 whatever autocast says.

    Args:
        prompt_encoder: Of segment-anything.
        mask_decoder: Of segment-anything; it takes one image per call.
        embedding: 1×C×s×s float32.
        prompts: Of O objects, in pixels of the input.
        mask: O×1×4s×4s logits of an earlier round, or None.
    """
    if (prompts.labels < 0).any():  # the decoder would see padding as prompts
        each = [
            decode(prompt_encoder, mask_decoder, embedding, own, _of(mask, index))
            for index, own in enumerate(prompts.per_object())
        ]
        found = [one.object_logit for one in each if one.object_logit is not None]
        return Decoded(
            torch.cat([one.logits for one in each]),
            torch.cat([one.iou for one in each]),
            torch.cat(found) if found else None,
        )
    device = embedding.device
    points = prompts.points.to(device), prompts.labels.to(device)
    # Half precision has too few digits for coordinates.
    with torch.autocast(device.type, enabled=False):
        sparse, dense = prompt_encoder(
            points=points if points[1].numel() else None,
            boxes=None if prompts.boxes is None else prompts.boxes.to(device),
            masks=mask,
        )
        asked = embedding, prompt_encoder.get_dense_pe(), sparse, dense
        if not isinstance(mask_decoder, ObjectMaskDecoder):
            return Decoded(*mask_decoder(*asked, multimask_output=True))
        logits, iou, object_logit = mask_decoder.predict_objects(*asked)
        return Decoded(logits[:, 1:], iou[:, 1:], object_logit)


def _of(mask: Tensor | None, index: int) -> Tensor | None:
    return None if mask is None else mask[index : index + 1]


def choose_candidate(iou: Tensor, mask_choice: str | int) -> Tensor:
    """Select one candidate mask for each object, by ``mask_choice``.

    Args:
        iou: O×K predicted IoUs.
        mask_choice: ``'predicted_iou'`` keeps the highest; a number always that candidate.

    Returns:
        O int64.
    """
    if mask_choice == 'predicted_iou':
        return iou.argmax(dim=1)
    return torch.full_like(iou[:, 0], int(mask_choice), dtype=torch.int64)


def best_candidate(logits: Tensor, objects: Tensor) -> Tensor:
    """Number of the candidate of each object that has the highest IoU with the object's true mask.

    Args:
        logits: O×K×S×S on the network's input.
        objects: O×h×w bool, of which none is empty, on the picture's part of it.

    Returns:
        O int64.
    """
    height, width = objects.shape[-2:]
    masks = logits[..., :height, :width] > 0
    truth = objects.to(masks.device)[:, None]
    shared, united = (area.sum(dim=(2, 3)) for area in (masks & truth, masks | truth))
    return (shared / united).argmax(dim=1)


def take_candidate(candidates: Tensor, chosen: Tensor) -> Tensor:
    """The chosen candidate of each object: O×K×… and O int64 -> O×…."""
    return candidates[torch.arange(len(chosen), device=chosen.device), chosen]


def merge_objects(logits: Tensor, chosen: Tensor, objects: Tensor | None) -> tuple[Tensor, Tensor]:
    """Merge the masks of all objects of an image: the highest logit counts at each pixel.

    Args:
        logits: O×K×S×S on the network's input.
        chosen: O int64, the candidate that is kept of each object.
        objects: O×h×w bool, their own truths; None if nobody knows them.

    Returns:
        The kept mask, S×S logits; and M×S×S: the union of the k-th candidates for each of the K,
        and, of several objects with known truths, that of :func:`best_candidate`.
    """
    unions = logits.amax(dim=0)
    if len(logits) > 1 and objects is not None:
        best = take_candidate(logits, best_candidate(logits, objects)).amax(dim=0)
        unions = torch.cat([unions, best[None]])
    return take_candidate(logits, chosen).amax(dim=0), unions


def to_two_classes(logits: Tensor) -> Tensor:
    """…×H×W -> …×2×H×W, of which the softmax is the sigmoid."""
    return torch.stack([torch.zeros_like(logits), logits], dim=-3)


def mean_losses(losses: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each of several losses, over images or rounds."""
    return {name: torch.stack([part[name] for part in losses]).mean() for name in losses[0]}


def decode_rounds(
    prompt_encoder: PromptEncoder,
    mask_decoder: MaskDecoder,
    embedding: Tensor,
    prompting: Interaction,
    mask_choice: str | int,
) -> Iterator[Round]:
    """:func:`decode`, and again after each further prompt (SAM, appendix A, training algorithm).

    A further round sees the logits of the candidate that was chosen before, without gradient,
    and one more point per object. Without any object nothing is decoded: an empty mask takes the
    place of the candidates of one.

    Args:
        prompt_encoder: Of segment-anything, for input of S×S pixels.
        mask_decoder: Of segment-anything.
        embedding: 1×C×s×s float32.
        prompting: First prompts, and how further ones are made.
        mask_choice: See :func:`choose_candidate`.

    Yields:
        A round, the first prompts' first. Without any object its logits are 1×K×S×S of
        :data:`NOTHING`, and it predicts 1×K NaN and no object.
    """
    prompts, mask = prompting.prompts, None
    size = prompt_encoder.input_image_size
    if not len(prompts.labels):
        offered = 1, mask_decoder.num_multimask_outputs
        yield Round(
            embedding.new_full((*offered, *size), NOTHING),
            embedding.new_full(offered, torch.nan),
            prompts,
        )
        return
    for left in reversed(range(1 + prompting.rounds)):
        low, iou, object_logit = decode(prompt_encoder, mask_decoder, embedding, prompts, mask)
        logits = F.interpolate(low, size, mode='bilinear', align_corners=False)
        yield Round(logits, iou, prompts, object_logit)
        if left:
            chosen = choose_candidate(iou, mask_choice)
            mask = take_candidate(low, chosen).detach()[:, None]
            prompts = prompting.next_prompts(prompts, take_candidate(logits, chosen).detach() > 0)
