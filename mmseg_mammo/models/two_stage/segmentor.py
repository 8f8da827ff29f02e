"""Two-stage segmentor: finds candidates on the whole image, and segments crops of its full pixels.

Shape shorthand: B images, N candidates of an image, S×S pixels of the finder's input, h×w pixels of
the refiner's, H×W pixels of the prepared image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpretrain.models import LoRAModel
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.host_segmentor import HostSegmentor
from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.models.two_stage.candidates import (
    Candidate,
    candidate_of,
    paste,
    presence_logit,
    rank,
    read_ranking,
)
from mmseg_mammo.models.two_stage.crop_inputs import (
    crop_input,
    crop_sample,
    full_image,
    full_shape,
)
from mmseg_mammo.models.two_stage.finder import finder_maps, scale_peaks
from mmseg_mammo.models.two_stage.peaks import Peak, find_peaks
from mmseg_mammo.models.two_stage.settings import (
    CandidateRule,
    CropRule,
    KeepRule,
    read_settings,
)
from mmseg_mammo.models.two_stage.stage_config import without_files
from mmseg_mammo.transforms.crops import crop_box, crop_side


@MODELS.register_module()
class TwoStageSegmentor(InputGrid, HostSegmentor):
    """Two trained segmentors as one: a finder of candidates, and a refiner of crops around them.

    The finder sees the whole image at its low resolution. Peaks of its map are candidates. Around
    each a square is cut out of the pixels that ``KeepFullImage`` kept, and given to the refiner.
    Candidates are ranked by what both say of them; the masks of the best ones are pasted.

    Nothing is trained here: a config with ``stages`` trains both.

    Args:
        finder: Config of a segmentor with its ``data_preprocessor``; not of a promptable one.
        refiner: Likewise. A SAM is clicked on the peak.
        candidates: Settings of :class:`.CandidateRule`.
        crop: Settings of :class:`.CropRule`.
        ranking: ``dict(weights=[…], bias=…)`` of :class:`.Ranking`; None: the mean of the three
            logits.
        keep: Settings of :class:`.KeepRule`.
        data_preprocessor: That of the finder, which is the default.
        kwargs: ``test_output`` (:class:`.TestOutput`), and what :class:`.HostSegmentor` takes.
            Presence is the score of the best candidate.

    Raises:
        MammoError: A setting means nothing; the finder needs prompts; a stage has LoRA; or
            ``data_preprocessor`` is another than the finder's.
    """

    has_presence = True

    def __init__(
        self,
        *,
        finder: dict[str, Any],
        refiner: dict[str, Any],
        candidates: dict[str, Any] | None = None,
        crop: dict[str, Any] | None = None,
        ranking: dict[str, Any] | None = None,
        keep: dict[str, Any] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        own = finder.get('data_preprocessor')
        if data_preprocessor is not None and dict(data_preprocessor) != own:
            raise MammoError(
                'model.data_preprocessor differs from model.finder.data_preprocessor',
                'one for both: what the model is given is what the finder sees',
                'Leave model.data_preprocessor out',
            )
        super().__init__(data_preprocessor=without_files(own), **kwargs)
        self.candidates = read_settings(CandidateRule, 'candidates', candidates)
        self.crop = read_settings(CropRule, 'crop', crop)
        self.keep = read_settings(KeepRule, 'keep', keep)
        if self.test_output.threshold is None:
            self.test_output = replace(self.test_output, threshold=self.keep.threshold)
        self.ranking = read_ranking(ranking)
        self.finder, self.refiner = (MODELS.build(without_files(one)) for one in (finder, refiner))
        self._check_stages()
        if isinstance(self.refiner, SAMSegmentor):
            self.refiner.prompts_from = 'given'  # trained with those of the truth

    def _check_stages(self) -> None:
        if isinstance(self.finder, SAMSegmentor):
            raise MammoError(
                'model.finder.type=SAMSegmentor: it has to be told where to look',
                'a segmentor without prompts as finder, such as InputGridEncoderDecoder',
                'Take SAM as refiner',
            )
        if any(isinstance(module, LoRAModel) for module in self.modules()):
            raise MammoError(
                'LoRA in a two-stage model: a checkpoint would lack the weights beside it',
                'stages that are trained as a whole, in part, or by VPT',
            )

    def extract_feat(self, inputs: Tensor) -> Any:
        """Features of the finder."""
        return self.finder.extract_feat(inputs)

    def encode_decode(self, inputs: Tensor, batch_data_samples: list[SegDataSample]) -> Tensor:
        """B×3×S×S -> B×C×S×S logits of the finder."""
        return self.finder.encode_decode(inputs, batch_data_samples)

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Any:
        """The finder's raw output, B×3×S×S inputs."""
        return self.finder(inputs, data_samples, mode='tensor')

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Refused: nothing is trained here."""
        raise MammoError(
            'TwoStageSegmentor trains nothing itself',
            'a config with stages=dict(finder=…, refiner=…), whose models are trained one by one',
            'Train such a config (docs/two_stage.md), or test this one',
        )

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """Predict masks on the grid of the prepared images.

        Args:
            inputs: B×3×S×S, normalised by the finder's preprocessor.
            data_samples: With ``full_image``, 1×H×W.

        Returns:
            The samples, with ``seg_logits`` (2×H×W: zero and the logit of the kept candidates, of
            probability 0 elsewhere) and ``pred_sem_seg`` (1×H×W), and the metainfo ``candidates``
            (:meth:`.Candidate.as_metainfo`, best first), ``full_shape``, (H, W) of the image that
            their pixels are of, and those of presence (:meth:`.TestOutput.gate`).

        Raises:
            MammoError: A sample has no ``full_image``, or is flipped; or a probability is not a
                number.
        """
        if data_samples is None:
            raise MammoError(
                'TwoStageSegmentor cannot predict without samples', 'samples with full_image'
            )
        found = self.look(inputs, data_samples)

        def complete(index: int, sample: SegDataSample) -> None:
            self._paste(found[index], sample, inputs.device)

        return self.put_in(inputs, data_samples, complete, [*map(presence_logit, found)])

    @torch.no_grad()
    def look(self, inputs: Tensor, data_samples: list[SegDataSample]) -> list[list[Candidate]]:
        """The candidates of each image with what the refiner makes of them, best first.

        Args:
            inputs: B×3×S×S, normalised.
            data_samples: B; see :meth:`predict`.
        """
        pixels = [full_image(sample) for sample in data_samples]
        peaks = self.find(inputs, data_samples)
        places = [(index, peak) for index, each in enumerate(peaks) for peak in each]
        found: list[list[Candidate]] = [[] for _ in data_samples]
        for start in range(0, len(places), self.crop.batch):
            part = places[start : start + self.crop.batch]
            for (index, _), one in zip(part, self._refine(part, pixels, data_samples), strict=True):
                found[index].append(one)
        return [rank(each, self.ranking, self.keep) for each in found]

    def find(self, inputs: Tensor, data_samples: list[SegDataSample]) -> list[list[Peak]]:
        """The peaks of the finder's map, of each image, in pixels of its full image.

        Args:
            inputs: B×3×S×S, normalised.
            data_samples: B, with ``full_image``.
        """
        maps = finder_maps(self.finder, inputs, data_samples)
        return [
            scale_peaks(find_peaks(grid, self.candidates), grid.shape, full_shape(sample))
            for grid, sample in zip(maps, data_samples, strict=True)
        ]

    def _refine(
        self,
        places: Sequence[tuple[int, Peak]],
        pixels: Sequence[np.ndarray],
        samples: Sequence[SegDataSample],
    ) -> Iterator[Candidate]:
        """What the refiner makes of one batch of places, (number of the image, peak) each."""
        boxes = [self._box(peak, samples[index]) for index, peak in places]
        crops = [
            crop_input(pixels[index], box, self.crop.size)
            for (index, _), box in zip(places, boxes, strict=True)
        ]
        asked = [
            crop_sample((peak.x, peak.y), box, self.crop.size, samples[index].metainfo)
            for (index, peak), box in zip(places, boxes, strict=True)
        ]
        data = self.refiner.data_preprocessor({'inputs': crops, 'data_samples': asked}, False)
        answers = self.refiner.predict(data['inputs'], data['data_samples'])
        for (_, peak), box, answer in zip(places, boxes, answers, strict=True):
            yield candidate_of(peak, box, answer)

    def _box(self, peak: Peak, sample: SegDataSample) -> tuple[int, int, int, int]:
        shape, rule = full_shape(sample), self.crop
        extent_mm = sample.metainfo.get('extent_mm')
        side = crop_side(shape, rule.share, rule.mm, extent_mm, rule.factor, peak.extent)
        return crop_box(peak.x, peak.y, side)

    def _paste(
        self, found: Sequence[Candidate], sample: SegDataSample, device: torch.device
    ) -> None:
        """Put the prediction of an image into its sample."""
        shape = full_shape(sample)
        lesion = paste(found, shape, device, self.test_output.scale)
        target = tuple(sample.metainfo.get('ori_shape') or shape)
        if target != shape:  # an original that was shrunk before it was kept
            lesion = resize(lesion[None, None], size=target, mode='bilinear')[0, 0]
        logits = torch.stack([torch.zeros_like(lesion), lesion])
        mask = (lesion > 0).long()[None]  # argmax of both, which takes a third of all the time
        sample.set_data(
            {
                'seg_logits': PixelData(data=logits),
                'pred_sem_seg': PixelData(data=mask),
            }
        )
        self.test_output.cut(sample)
        facts = [one.as_metainfo() for one in found]
        sample.set_metainfo({'candidates': facts, 'full_shape': shape})
