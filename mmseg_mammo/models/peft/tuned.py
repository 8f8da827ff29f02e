"""Tuned segmentor: an encoder-decoder of any kind of which a part is trained, the rest a start's."""

from typing import Any

from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.peft.trainable import guard_frozen, matching, train_only
from mmseg_mammo.models.safe_loading import load_plain


@MODELS.register_module()
class TunedEncoderDecoder(InputGridEncoderDecoder):
    """``InputGridEncoderDecoder`` of which only the parameters are trained that ``trainable`` names.

    Predictions and names of weights are the same. A part of which nothing is trained stays in eval
    mode: no dropout, and batch norm normalises by the statistics of its start, which do not move.
    A norm layer with a trained weight or bias is in training mode, and its statistics move.

    Args:
        trainable: Regular expression, found in the names of the parameters that are trained. A
            presence head always is.
        pretrained: Whole checkpoint of the same model that the other weights come from, so that
            checkpoints may leave them out. None: every weight is in the checkpoint.
        kwargs: Of ``InputGridEncoderDecoder``.

    Raises:
        MammoError: ``trainable`` is in no name.
    """

    def __init__(self, *, trainable: str, pretrained: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trainable, self.pretrained = trainable, pretrained
        train_only(self, self.tuned_parameters())
        guard_frozen(self)
        self.train()

    def tuned_parameters(self) -> set[str]:
        """Names of the parameters that are trained."""
        always = {n for n, _ in self.named_parameters() if n.startswith(self.presence_parts)}
        return matching(self, self.trainable) | always

    @staticmethod
    def side_multiple(settings: dict[str, Any]) -> int:
        """1: the backbone says what its sides are; see :class:`.Pretrained`."""
        return 1

    def load_base(self) -> None:
        """Fill every weight that is frozen from the start.

        Raises:
            CheckpointError: The file lacks one of them, or has it in another shape.
        """
        content = load_plain(str(self.pretrained))
        state = content.get('state_dict', content)
        own = dict(self.named_parameters())
        frozen = {name: p for name, p in own.items() if not p.requires_grad}
        for name, parameter in frozen.items():
            value = state.get(name)
            if value is None or value.shape != parameter.shape:
                what = 'is not in it' if value is None else 'has another shape'
                raise CheckpointError(
                    f'{self.pretrained}: the start of another model: {name} {what}',
                    'the checkpoint that the tuning began with',
                )
            parameter.data.copy_(value)
        print_log(f'{len(frozen)} frozen tensors from {self.pretrained}', 'current')

    def train(self, mode: bool = True) -> 'TunedEncoderDecoder':
        """Keep parts of which nothing is trained in eval mode."""
        super().train(mode)
        if mode:
            calm_frozen(self)
        return self


def calm_frozen(module: nn.Module) -> None:
    """Set those parts of ``module`` that have parameters, and none that is trained, to eval mode."""
    for child in module.children():
        trained = [p.requires_grad for p in child.parameters()]
        if trained and not any(trained):
            child.eval()
        else:
            calm_frozen(child)
