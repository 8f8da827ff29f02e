"""Fold segmentor: the models of a cross-validation as one, each for the images that it never saw.

Shape shorthand: B images, S×S pixels of the network's input.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from mmpretrain.models import LoRAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.host_segmentor import HostSegmentor
from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.two_stage.stage_config import without_files

_EDGE = 1e-7  # of probabilities, so that each has a logit


def fold_key(source: str, image: str) -> str:
    """What an image is known by in a checkpoint: no name of a file, which may tell of a patient.

    Args:
        source: Of the index.
        image: Likewise.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.
    """
    return hashlib.sha256(f'{source}/{image}'.encode()).hexdigest()[:16]


@MODELS.register_module()
class FoldSegmentor(InputGrid, HostSegmentor):
    """Models of one config, each trained without one fold of the images.

    An image of a fold is predicted by the model that was trained without that fold. Any other image
    is predicted by the mean of the probabilities of all.

    Args:
        member: Config of a segmentor with its ``data_preprocessor``: an ``InputGridEncoderDecoder``.
        members: Number of folds.
        folds: Number of the fold, from 1, by :func:`fold_key`.
        data_preprocessor: That of the member, which is the default.
        kwargs: ``test_output`` (:class:`.TestOutput`; the threshold of a member holds where it has
            none, nothing else of a member's own), and what :class:`.HostSegmentor` takes.

    Raises:
        MammoError: The member is of another kind, or has LoRA; a fold does not exist; or
            ``data_preprocessor`` is another than the member's.
    """

    can_flip = True

    def __init__(
        self,
        *,
        member: dict[str, Any],
        members: int,
        folds: Mapping[str, int],
        data_preprocessor: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        own = member.get('data_preprocessor')
        if data_preprocessor is not None and dict(data_preprocessor) != own:
            raise MammoError(
                'model.data_preprocessor differs from model.member.data_preprocessor',
                'one for all folds',
                'Leave model.data_preprocessor out',
            )
        self.has_presence = member.get('presence_head') is not None
        super().__init__(data_preprocessor=without_files(own), **kwargs)
        wrong = sorted({fold for fold in folds.values() if not 1 <= fold <= members})
        if members < 2 or wrong:
            raise MammoError(
                f'model.members={members}, and folds {wrong}'
                if wrong
                else f'model.members={members}',
                'two or more, and folds from 1 to that number',
            )
        self.folds = dict(folds)
        self.members = nn.ModuleList(MODELS.build(without_files(member)) for _ in range(members))
        first = self._check_members()
        self.align_corners = first.align_corners
        if self.test_output.threshold is None:
            head = first.decode_head
            threshold = head.threshold if head.out_channels == 1 else 0.5
            self.test_output = replace(self.test_output, threshold=float(threshold))

    def _check_members(self) -> InputGridEncoderDecoder:
        first = self.members[0]
        if not isinstance(first, InputGridEncoderDecoder):
            raise MammoError(
                f'model.member.type={type(first).__name__}: no folds of it are joined',
                'InputGridEncoderDecoder, such as of unet_cbis and setr_pup_vpt_cbis',
            )
        if any(isinstance(module, LoRAModel) for module in first.modules()):
            raise MammoError(
                'LoRA in a model of folds: a checkpoint would lack the weights beside it',
                'members that are trained as a whole, in part, or by VPT',
            )
        return first

    def _chosen(self, fold: int | None) -> list[InputGridEncoderDecoder]:
        """The member of a fold; all of them where there is none."""
        members: list[Any] = [*self.members]
        return members if fold is None else [members[fold - 1]]

    def fold_of(self, sample: SegDataSample) -> int | None:
        """The fold, from 1, that an image was held out in; None of an image that was in none."""
        meta = sample.metainfo
        return self.folds.get(fold_key(meta.get('source', ''), meta.get('image', '')))

    def extract_feat(self, inputs: Tensor) -> Any:
        """Features of the first member."""
        return self._chosen(1)[0].extract_feat(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: list[SegDataSample]) -> Tensor:
        """B×3×S×S -> B×2×S×S logits: zero, and that of the mean probability of all members."""
        return self._infer(inputs, [sample.metainfo for sample in batch_data_samples])[0]

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Any:
        """B×3×S×S -> B×2×S×S logits of the mean probability of all members."""
        return self._infer(inputs, _plain_metas(inputs))[0]

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Refused: nothing is trained here."""
        raise MammoError(
            'FoldSegmentor trains nothing itself',
            'the config of its members, with --folds',
            'Train that, or test this one',
        )

    @torch.no_grad()
    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """As :class:`.InputGridEncoderDecoder`; B×3×S×S inputs, normalised.

        Samples of the index, with the metainfo ``source`` and ``image``, get the metainfo ``fold``.
        """
        if data_samples is None:
            logits, presence = self._infer(
                inputs, _plain_metas(inputs), flips=self.test_output.flips
            )
            found = self.finish(inputs, self.postprocess_result(logits))
            for sample, logit in zip(found, presence or (), strict=False):
                self.test_output.gate(sample, logit)
            return found
        folds = [self.fold_of(sample) for sample in data_samples]
        logits = inputs.new_zeros((len(inputs), 2, *inputs.shape[2:]), dtype=torch.float32)
        presence = [0.0] * len(inputs)
        for fold in dict.fromkeys(folds):
            places = [place for place, own in enumerate(folds) if own == fold]
            metas = [data_samples[place].metainfo for place in places]
            part, known = self._infer(inputs[places], metas, fold, self.test_output.flips)
            logits[places] = part
            for place, logit in zip(places, known or (), strict=False):
                presence[place] = logit
        for sample, fold in zip(data_samples, folds, strict=True):
            sample.set_metainfo({'fold': fold})
        own_presence = presence if self.has_presence else None
        return self.put_in(inputs, data_samples, self.from_logits(logits), own_presence)

    def _infer(
        self, inputs: Tensor, metas: list[dict], fold: int | None = None, flips: bool = False
    ) -> tuple[Tensor, list[float] | None]:
        """B×2×S×S logits and B of presence: of the member of a fold, or of the mean of all."""
        maps, presence = [], []
        for member in self._chosen(fold):
            logits, known = member.infer(inputs, metas, flips)
            maps.append(_lesion_logits(logits))
            presence.append(known)
        lesion = _mean_logit(torch.stack(maps))
        both = torch.stack([torch.zeros_like(lesion), lesion], dim=1)
        if not self.has_presence:
            return both, None
        return both, _mean_logit(torch.tensor(presence, dtype=torch.float64)).tolist()


def _mean_logit(logits: Tensor) -> Tensor:
    """N×… logits -> the logit of their mean probability, …; of one it is itself."""
    if len(logits) == 1:
        return logits[0]
    return torch.logit(logits.sigmoid().mean(dim=0), _EDGE)


def _lesion_logits(logits: Tensor) -> Tensor:
    """B×1×S×S or B×2×S×S raw logits -> B×S×S float32 of the lesion."""
    values = logits.float()
    return values[:, 0] if values.shape[1] == 1 else values[:, 1] - values[:, 0]


def _plain_metas(inputs: Tensor) -> list[dict]:
    """Metainfo of inputs of which nothing else is known."""
    shape = tuple(inputs.shape[2:])
    meta = dict(ori_shape=shape, img_shape=shape, pad_shape=shape, padding_size=[0] * 4)
    return [meta] * len(inputs)
