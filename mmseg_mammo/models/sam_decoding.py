"""SAM's prompt encoder and mask decoder: how they are built, and called for one image.

Shape shorthand: O objects, K = 3 candidates, s×s patches, C channels of an embedding.
"""

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
from torch import Tensor

from mmseg_mammo.models.prompt_source import without_padding
from mmseg_mammo.models.prompts import Prompts
from mmseg_mammo.models.sam_encoder import PATCH


def build_small_parts(channels: int, img_size: int) -> tuple[PromptEncoder, MaskDecoder]:
    """segment-anything's two small parts; every width follows ``channels``, 256 in Meta's files.

    Args:
        channels: C, a multiple of 16.
        img_size: Side of the input in pixels.
    """
    side = img_size // PATCH
    transformer = TwoWayTransformer(
        depth=2, embedding_dim=channels, num_heads=8, mlp_dim=8 * channels
    )
    return (
        PromptEncoder(channels, (side, side), (img_size, img_size), mask_in_chans=16),
        MaskDecoder(
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
) -> tuple[Tensor, Tensor]:
    """Candidate masks for the objects of one image, in float32 whatever autocast says.

    Args:
        prompt_encoder: Of segment-anything.
        mask_decoder: Of segment-anything; it takes one image per call.
        embedding: 1×C×s×s float32.
        prompts: Of O objects, in pixels of the input.
        mask: O×1×4s×4s logits of an earlier round, or None.

    Returns:
        Logits, O×K×4s×4s, and predicted IoUs, O×K.
    """
    if (prompts.labels < 0).any():  # the decoder would see padding as prompts
        each = [
            decode(prompt_encoder, mask_decoder, embedding, own, _of(mask, index))
            for index, own in enumerate(without_padding(prompts))
        ]
        return torch.cat([logits for logits, _ in each]), torch.cat([iou for _, iou in each])
    device = embedding.device
    points = prompts.points.to(device), prompts.labels.to(device)
    # Half precision has too few digits for coordinates.
    with torch.autocast(device.type, enabled=False):
        sparse, dense = prompt_encoder(
            points=points if points[1].numel() else None,
            boxes=None if prompts.boxes is None else prompts.boxes.to(device),
            masks=mask,
        )
        return mask_decoder(
            image_embeddings=embedding,
            image_pe=prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=True,
        )


def _of(mask: Tensor | None, index: int) -> Tensor | None:
    return None if mask is None else mask[index : index + 1]
