"""ViT with Visual Prompt Tuning (Jia et al., ECCV 2022, arXiv:2203.12119), on mmpretrain's ViT.

Shape shorthand: B images, N tokens (class token, if any, then patches), P prompts, C width.
"""

import logging
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.logging import print_log
from mmpretrain.models import VisionTransformer
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.backbones.prompted_layer import PromptedLayer
from mmseg_mammo.models.backbones.vit_normalisation import Normalisation, check_choice
from mmseg_mammo.models.backbones.vit_weights import load_vit_weights
from mmseg_mammo.models.peft.frozen_linear import copy_frozen_once
from mmseg_mammo.models.peft.trainable import guard_frozen, matching, train_only


@MODELS.register_module()
class VPTVisionTransformer(VisionTransformer):
    r"""A frozen ViT with learnable prompt tokens between the class token and the patches.

    VPT-Deep (the default) gives every encoder layer its own prompts: what a layer made of the
    previous prompts is dropped and its own take their place. VPT-Shallow (``prompt_depth=1``)
    inserts prompts before the first layer only and lets them flow on. The patch tokens alone
    leave the backbone. State-dict keys are mmpretrain's, plus ``prompts``.

    The backbone is frozen and stays in eval mode while training; only ``prompts`` are trained,
    and what ``trainable`` names. Where that is anything, the backbone follows the mode of the
    model, so that its dropout and drop path act. Bias tuning, full tuning and head-only training
    are values of ``trainable`` and ``prompt_length``.
    Attention is mmpretrain's, which calls ``scaled_dot_product_attention``. Images of another
    size than ``img_size`` work: the position embedding is resized.

    Args:
        prompt_length: P, prompts per layer; 0 is the plain frozen ViT.
        prompt_depth: Number of layers, counted from the first, with prompts of their own;
            None means all of them.
        prompt_dropout: Probability of dropping a value of a prompt while training.
        trainable: Regular expression of further parameters of the backbone that are trained:
            ``'.*'`` for all of them, ``r'\.bias$'`` for the biases, empty for none.
        pretrained: File with pre-trained weights, loaded strictly by
            :func:`mmseg_mammo.models.backbones.vit_weights.load_vit_weights` when training starts. None
            leaves the backbone at random, to be trained from scratch.
        pretrained_normalisation: How images are normalised for that file, where it does not say:
            ``'half'`` (0.5 and 0.5), ``'imagenet'``, or ``'config'``: as ``data_preprocessor``
            does. See :mod:`mmseg_mammo.models.backbones.vit_normalisation`.
        arch: Name (``'large'``) or dict of mmpretrain's architectures.
        out_type: ``'featmap'`` gives B×C×h×w maps, as decode heads want.
        final_norm: Off by default: SETR's head normalises its input itself.
        out_tokens: Add a last output, B×(1+P)×C: the class token and what the last layer makes of
            its prompts, which is not computed otherwise. A head with ``in_index=-1`` would take it.
        checkpointing: Whether training keeps only the input of each layer and computes the rest
            again in the backward pass: less memory for about a third more time.
        kwargs: See ``mmpretrain.models.VisionTransformer``.
    """

    def __init__(
        self,
        *,
        prompt_length: int = 50,
        prompt_depth: int | None = None,
        prompt_dropout: float = 0.0,
        trainable: str = '',
        pretrained: str | None = None,
        pretrained_normalisation: str | None = None,
        arch: str | dict = 'large',
        out_type: str = 'featmap',
        final_norm: bool = False,
        out_tokens: bool = False,
        checkpointing: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, out_type=out_type, final_norm=final_norm, **kwargs)
        depth = self.num_layers if prompt_depth is None else prompt_depth
        if prompt_length < 0 or not 1 <= depth <= self.num_layers:
            raise MammoError(
                f'prompt_length={prompt_length}, prompt_depth={prompt_depth}',
                f'prompt_length >= 0 and prompt_depth from 1 to {self.num_layers} or None',
            )
        check_choice(pretrained_normalisation)
        self.out_tokens = out_tokens
        self._check_tokens()
        self.pretrained = pretrained
        self.pretrained_normalisation = pretrained_normalisation
        self.normalisation: Normalisation | None = None  # what the file says, once it is read
        self.base_is_read = False
        self.prompt_length = prompt_length
        self.trainable = trainable
        self.prompt_dropout = nn.Dropout(prompt_dropout)
        self._add_prompts(depth)
        self._change_layers(checkpointing)
        train_only(self, self.tuned_parameters())
        copy_frozen_once(self)
        guard_frozen(self)
        self.train()

    def _check_tokens(self) -> None:
        last = self.num_layers - 1 in self.out_indices
        if self.out_tokens and (self.cls_token is None or not last):
            raise MammoError(
                f'out_tokens=True with out_indices={tuple(self.out_indices)} and '
                f'{self.num_extra_tokens} class tokens',
                'a class token (with_cls_token=True), and the last layer among out_indices',
            )

    def _change_layers(self, checkpointing: bool) -> None:
        for layer in self.layers:  # its parameters are made once, and stay
            layer.__class__, layer.checkpointing = PromptedLayer, checkpointing
            for module in layer.modules():
                if isinstance(module, DropPath):  # torch.compile takes NumPy's numbers for tensors
                    module.drop_prob = float(module.drop_prob)

    def _add_prompts(self, depth: int) -> None:
        length = self.prompt_length
        self.prompts = nn.Parameter(torch.empty(depth, length, self.embed_dims))
        patch_height, patch_width = self.patch_embed.projection.kernel_size
        # Thesis IV-D, after KMnP/vpt: Xavier-uniform over one RGB patch and the width.
        bound = math.sqrt(6 / (3 * patch_height * patch_width + self.embed_dims))
        nn.init.uniform_(self.prompts, -bound, bound)
        if length:  # by hooks: forward and state dict stay mmpretrain's
            for index in range(depth):
                self.layers[index].register_forward_pre_hook(partial(self._prompt, index))

    def tuned_parameters(self) -> set[str]:
        """Names of the parameters that are trained."""
        others = matching(self, self.trainable) if self.trainable else set()
        return others - {'prompts'} | ({'prompts'} if self.prompt_length else set())

    @staticmethod
    def side_multiple(settings: Mapping[str, Any]) -> int:
        """The side of a patch in pixels; see :class:`.Pretrained`."""
        patch = settings.get('patch_size', 16)
        return patch if isinstance(patch, int) else math.lcm(*patch)

    def _prompt(self, index: int, layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor, ...]:
        """Give layer ``index`` its prompts: beside the tokens, or among them if they flow on."""
        (tokens,) = inputs
        dropped = self.prompt_dropout.training and self.prompt_dropout.p
        images = tokens.shape[0] if dropped else 1
        prompts = self.prompt_dropout(self.prompts[index].expand(images, -1, -1))
        last = index + 1 == self.num_layers
        if index + 1 < len(self.prompts) or (last and not self.out_tokens):
            return tokens, prompts  # the next layer has its own, or there is none
        extra = self.num_extra_tokens
        own = prompts.expand(tokens.shape[0], -1, -1)
        return (torch.cat([tokens[:, :extra], own, tokens[:, extra:]], dim=1),)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """B×3×H×W images -> the outputs of ``out_indices``, and the tokens of ``out_tokens``."""
        outs = super().forward(x)
        if not self.out_tokens:
            return outs
        return *(features for features, _ in outs), outs[-1][1]

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor | tuple[Tensor, Tensor]:
        first, patches = self.num_extra_tokens, hw[0] * hw[1]
        tokens = x[:, : x.shape[1] - patches]
        if x.shape[1] > first + patches:  # with prompts that flow on
            x = torch.cat([x[:, :first], x[:, x.shape[1] - patches :]], dim=1)
        features = super()._format_output(x, hw)
        return (features, tokens) if self.out_tokens else features

    def load_base(self) -> None:
        """Load the pre-trained file."""
        self.normalisation = load_vit_weights(self, self.pretrained or '')
        self.base_is_read = True

    def init_weights(self) -> None:
        """Load the pre-trained file, if one is named; called when training starts."""
        if self.pretrained is None:
            super().init_weights()
            if not all(p.requires_grad for p in self.parameters() if p.numel()):
                print_log(
                    'The backbone is random AND frozen: pretrained is None; docs/weights.md',
                    'current',
                    logging.WARNING,
                )
        else:
            self.load_base()
            self._is_init = True  # mmpretrain's LoRAModel loads when it is built

    def train(self, mode: bool = True) -> 'VPTVisionTransformer':
        """Keep a frozen backbone in eval mode; only the prompt dropout follows ``mode``."""
        super().train(mode and bool(self.trainable))
        self.training = mode
        self.prompt_dropout.train(mode)
        return self
