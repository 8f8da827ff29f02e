"""LoRA: merges mmpretrain's LoRA weights into the layers that they adapt."""

from mmpretrain.models import LoRAModel
from mmpretrain.models.peft.lora import LoRALinear
from torch import Tensor, nn

from mmseg_mammo.models.peft.trainable import frozen_parameters


def omits_frozen(module: nn.Module) -> bool:
    """Whether the state dict of ``module`` leaves frozen parameters out, as mmpretrain's LoRA does."""
    frozen = frozen_parameters(module)
    return bool(frozen) and not frozen.keys() <= module.state_dict().keys()


def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """The complete state dict of ``model``, with LoRA merged into the adapted layers.

    The names are those of the same model without LoRA. W + up · down · scaling takes the place of
    W (Hu et al., ICLR 2022, section 4.1).
    """
    whole = dict(model.state_dict())
    wrappers = [(n, m) for n, m in model.named_modules() if isinstance(m, LoRAModel)]
    for name, wrapper in wrappers:
        whole = {key: value for key, value in whole.items() if not key.startswith(f'{name}.')}
        inner = dict(wrapper.module.state_dict())  # the wrapper's own is without the base
        for path, layer in wrapper.module.named_modules():
            if isinstance(layer, LoRALinear):
                up, down = (inner.pop(f'{path}.lora_{part}.weight') for part in ('up', 'down'))
                weight = f'{path}.original_layer.weight'
                inner[weight] = inner[weight] + up @ down * layer.scaling
        for key, value in inner.items():
            whole[f'{name}.{key.replace(".original_layer.", ".")}'] = value
    return whole
