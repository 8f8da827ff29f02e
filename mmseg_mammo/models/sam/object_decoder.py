"""SAM's mask decoder with an object token: whether there is a lesion where it was asked.

The idea is SAM 2's (Ravi et al., 2024, arXiv:2408.00714; facebookresearch/sam2 at 2b90b9f,
``pred_obj_scores`` of ``sam2/modeling/sam/mask_decoder.py``): one more learned token, and layers that
make one logit of what the transformer returns for it.

Shape shorthand: O objects, N prompt tokens, s×s patches, C channels of an embedding.
"""

from typing import NamedTuple

import torch
from segment_anything.modeling import MaskDecoder
from segment_anything.modeling.mask_decoder import MLP
from torch import Tensor, nn

# In the names of the parameters that Meta's files of SAM do not have.
OBJECT_PARTS = 'mask_decoder.object_'


class Decoded(NamedTuple):
    """What a mask decoder says of the objects of one image.

    Attributes:
        logits: O×K×4s×4s, of the candidate masks.
        iou: O×K, predicted.
        object_logit: O, of there being a lesion; None from a decoder that does not say.
    """

    logits: Tensor
    iou: Tensor
    object_logit: Tensor | None = None


class ObjectMaskDecoder(MaskDecoder):
    """segment-anything's decoder with one token more, ``object_token``, and its ``object_head``.

    All other parameters have the names of segment-anything. The masks are those that its decoder
    gives if the token is one of the prompts, so that the token changes them a little.

    Args:
        options: Of segment-anything's decoder.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.object_token = nn.Embedding(1, self.transformer_dim)
        self.object_head = MLP(self.transformer_dim, self.transformer_dim, 1, 3)

    def predict_objects(
        self, embedding: Tensor, places: Tensor, sparse: Tensor, dense: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """All four masks of each object, and whether there is one.

        Args:
            embedding: 1×C×s×s of the image.
            places: 1×C×s×s, the code of each patch's place.
            sparse: O×N×C prompt tokens.
            dense: O×C×s×s embedding of an earlier mask, or of none.

        Returns:
            O×(1+K)×4s×4s logits, O×(1+K) predicted IoUs, and O logits of there being a lesion.
        """
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight, self.object_token.weight])
        tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse], dim=1)
        image = embedding + dense
        seen, image_tokens = self.transformer(image, places.expand_as(image), tokens)
        answers = seen[:, : len(own)]
        fine = self.output_upscaling(image_tokens.transpose(1, 2).unflatten(2, image.shape[2:]))
        filters = [
            layers(answers[:, 1 + number])
            for number, layers in enumerate(self.output_hypernetworks_mlps)
        ]
        logits = torch.einsum('okc,ochw->okhw', torch.stack(filters, dim=1), fine)
        found = self.object_head(answers[:, -1])[:, 0]
        return logits, self.iou_prediction_head(answers[:, 0]), found

    def predict_masks(
        self,
        image_embeddings: Tensor,
        image_pe: Tensor,
        sparse_prompt_embeddings: Tensor,
        dense_prompt_embeddings: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """As segment-anything's: masks and predicted IoUs alone, of all four candidates."""
        logits, iou, _ = self.predict_objects(
            image_embeddings, image_pe, sparse_prompt_embeddings, dense_prompt_embeddings
        )
        return logits, iou
