"""A layer of a ViT in which prompts are looked at, and nothing is computed of them that is dropped.

Shape shorthand: B images, N tokens, P prompts, n heads, C width.
"""

import torch
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_mammo.models.peft.frozen_linear import FrozenLinear, part_of


class PromptedLayer(TransformerEncoderLayer):
    """mmpretrain's layer, with prompts beside the tokens if they are given.

    Prompts of VPT-Deep are replaced after every layer. So they are keys and values of the attention
    alone: their queries, their mixture and their MLP would be thrown away. What is computed of
    them is computed once for all images.

    Attributes:
        checkpointing: Whether training keeps only the input, and computes the rest again in the
            backward pass.
    """

    checkpointing = False

    def forward(self, x: Tensor, prompts: Tensor | None = None) -> Tensor:
        """B×N×C tokens and B×P×C or 1×P×C prompts -> B×N×C."""
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(self._run, x, prompts, use_reentrant=False)
        return self._run(x, prompts)

    def _run(self, x: Tensor, prompts: Tensor | None) -> Tensor:
        if prompts is None:
            return super().forward(x)
        x = x + self._attend(self.ln1(x), self.ln1(prompts))
        return self.ffn(self.ln2(x), identity=x)

    def _attend(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        """As mmpretrain's ``MultiheadAttention``, whose keys and values have prompts at their end."""
        attention = self.attn
        queries, own = self._project(tokens)
        _, more = self._project(prompts, with_queries=False)
        more = more.expand(tokens.shape[0], -1, -1)
        pairs = torch.cat([own, more], dim=1)
        heads = attention.num_heads, attention.head_dims
        queries = queries.unflatten(2, heads).transpose(1, 2)
        keys, values = pairs.unflatten(2, (2, *heads)).permute(2, 0, 3, 1, 4)
        mixed = attention.scaled_dot_product_attention(
            queries, keys, values, dropout_p=attention.attn_drop if attention.training else 0.0
        )
        mixed = attention.proj(mixed.transpose(1, 2).flatten(2))
        return attention.out_drop(attention.gamma1(attention.proj_drop(mixed)))

    def _project(self, x: Tensor, with_queries: bool = True) -> tuple[Tensor, Tensor]:
        """Queries, and keys with values; apart, so that nobody keeps what only one of them needs."""
        layer, width = self.attn.qkv, self.embed_dims
        if type(layer) not in (nn.Linear, FrozenLinear):  # with LoRA
            projected = layer(x)
            return projected[..., :width], projected[..., width:]
        queries = part_of(layer, x, slice(0, width)) if with_queries else x
        return queries, part_of(layer, x, slice(width, None))
