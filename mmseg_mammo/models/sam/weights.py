"""SAM weights: strict loading of Meta's files."""

import logging
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.backbones.vit_weights import first_names, read_weights
from mmseg_mammo.models.peft.trainable import matching
from mmseg_mammo.models.sam.image_encoder import PATCH
from mmseg_mammo.models.sam.object_decoder import OBJECT_PARTS

POSITIONS = 'image_encoder.pos_embed'
PARTS = ('image_encoder', 'prompt_encoder', 'mask_decoder')


class PretrainedSAM(BaseModule):
    """The part of a SAM that knows its file and what is trained; see :class:`.Pretrained`.

    Attributes:
        pretrained: File with Meta's names; None starts at random.
        trainable: Regular expression of what is trained; empty for nothing.
    """

    presence_parts = (OBJECT_PARTS,)

    pretrained: str | None
    trainable: str

    @staticmethod
    def side_multiple(settings: Mapping[str, Any]) -> int:
        """The side of a patch in pixels, the same for all settings."""
        return PATCH

    def tuned_parameters(self) -> set[str]:
        """Names of the parameters that are trained; an object score always is."""
        named = matching(self, self.trainable) if self.trainable else set()
        return named | {n for n, _ in self.named_parameters() if n.startswith(OBJECT_PARTS)}

    def load_base(self) -> None:
        """Load the pre-trained file."""
        load_sam_weights(self, self.pretrained or '')

    def init_weights(self) -> None:
        """Load the pre-trained file, if one is named; called when training starts."""
        if self.init_cfg:
            super().init_weights()
        elif self.pretrained:
            if not self.is_init:  # else every weight comes from a checkpoint
                self.load_base()
        elif not all(p.requires_grad for p in self.parameters()):
            text = 'SAM is random AND partly frozen: pretrained is None; docs/weights.md'
            print_log(text, 'current', logging.WARNING)


def load_sam_weights(model: nn.Module, path: str | Path) -> None:
    """Fill a SAM from a file with Meta's names, such as ``sam_vit_l_0b3195.pth``, strictly.

    Every tensor of the file is used and every tensor of the model filled, also of one whose
    linear layers are wrapped by mmpretrain's ``LoRAModel``, whose own matrices stay. Positions
    for another image size are resized: the absolute ones bicubically, the relative ones of the
    global blocks linearly, as segment-anything itself does while running.

    An object score, which Meta's files do not have, stays as it is.

    Args:
        model: Has ``image_encoder``, ``prompt_encoder`` and ``mask_decoder``.
        path: PyTorch file: Meta's, or a whole checkpoint of this project.

    Raises:
        CheckpointError: The file is missing, unreadable, or of another model.
    """
    path = Path(path)
    state = read_weights(path, 'model.pretrained')
    targets = named_tensors(model)
    scored = {name for name in targets if name.startswith(OBJECT_PARTS)}
    if not scored & set(state):
        targets = {name: target for name, target in targets.items() if name not in scored}
    encoder: Any = model.image_encoder
    grid = encoder.img_size // PATCH
    grids = _grid_of(state), grid
    fitted = {
        name: resize_positions(name, value, targets[name].shape, grids)
        for name, value in state.items()
        if name in targets
    }
    problems = {
        'tensors of the model are not in it': sorted(set(targets) - set(state)),
        'of its tensors have no place': sorted(set(state) - set(targets)),
        'have another shape': [n for n, v in fitted.items() if v.shape != targets[n].shape],
    }
    if any(problems.values()):
        found = [
            f'{len(names)} {what} ({first_names(names)})'
            for what, names in problems.items()
            if names
        ]
        raise CheckpointError(
            f'{path} does not fit this SAM: {"; ".join(found)}',
            "a file of the same architecture with Meta's names",
            'Set model.image_encoder.arch to that of the file (base, large, huge), or '
            'model.pretrained to the right file; docs/weights.md',
        )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(fitted[name])
    random = '' if scored <= set(targets) else '; the object score starts at random'
    print_log(f'SAM: {len(fitted)} tensors from {path}{random}', 'current')


def named_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of the three parts under Meta's names; LoRA's own left out."""
    tensors = chain(model.named_parameters(), model.named_buffers())
    return {
        name.replace('image_encoder.module.', 'image_encoder.').replace('.original_layer.', '.'): t
        for name, t in tensors
        if name.startswith(PARTS) and '.lora_' not in name
    }


def _grid_of(state: dict[str, Tensor]) -> int:
    positions = state.get(POSITIONS)
    return positions.shape[1] if positions is not None and positions.ndim == 4 else 0


def resize_positions(name: str, value: Tensor, shape: torch.Size, grids: tuple[int, int]) -> Tensor:
    """Fit a position embedding of another image size; anything else is returned as it is.

    Relative positions of windows do not follow the image, and are left alone: those of a file
    with other global blocks keep their shape, which does not fit.

    Args:
        name: Meta's name.
        value: 1×g×g×C absolute, or (2·g - 1)×d relative positions.
        shape: Of the model's tensor.
        grids: Patches along a side of the file's input and of the model's.
    """
    if value.shape == shape:
        return value
    before, grid = grids
    if name == POSITIONS and value.ndim == 4:
        moved = value.float().permute(0, 3, 1, 2)
        size = (grid, grid)
        return F.interpolate(moved, size, mode='bicubic', align_corners=False).permute(0, 2, 3, 1)
    lengths = 2 * before - 1, 2 * grid - 1
    relative = name.endswith(('.rel_pos_h', '.rel_pos_w')) and value.ndim == len(shape) == 2
    if relative and before != grid and (value.shape[0], shape[0]) == lengths:
        return F.interpolate(value.float().T[None], shape[0], mode='linear')[0].T
    return value
