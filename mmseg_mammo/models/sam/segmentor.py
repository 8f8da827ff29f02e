"""SAM segmentor: the Segment Anything Model (Kirillov et al., ICCV 2023) in MMSegmentation.

Shape shorthand: B images, O objects of an image, K = 3 candidate masks of an object, S×S input
pixels, s×s patches of 16×16 pixels, C channels of an embedding, H×W pixels of the prepared image.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmpretrain.models import LoRAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.host_segmentor import HostSegmentor
from mmseg_mammo.models.input_grid import InputGrid, input_scale, keep_candidates
from mmseg_mammo.models.peft.frozen_linear import copy_frozen_once
from mmseg_mammo.models.peft.trainable import guard_frozen, train_only
from mmseg_mammo.models.prompts.interaction import (
    Interaction,
    centre_click_sample,
    image_generator,
    prompts_from_metainfo,
    prompts_from_truth,
    targets_on_input,
)
from mmseg_mammo.models.sam.embedding_cache import cache_for
from mmseg_mammo.models.sam.found import Found, merge_round
from mmseg_mammo.models.sam.mask_decoder import (
    CHOICES,
    Round,
    build_small_parts,
    decode_rounds,
    mean_losses,
)
from mmseg_mammo.models.sam.object_score import (
    read_object_score,
    round_losses,
    training_prompts,
)
from mmseg_mammo.models.sam.weights import PretrainedSAM


@MODELS.register_module()
class SAMSegmentor(PretrainedSAM, InputGrid, HostSegmentor):
    """segment-anything's parts, trained and tested by MMSegmentation's runner.

    The encoder takes the whole batch, the decoder one image with all its objects. State-dict
    keys are Meta's. Prompt encoder and decoder compute in float32, also under autocast.

    The loss draws prompts from the truth: by ``train_prompts``, and in eval mode by
    ``test_prompts`` with random numbers that depend on the image alone. A prediction gets its
    prompts where ``prompts_from`` says. If the sampler has further rounds, each gives the decoder
    the logits of the candidate chosen before and one more point (SAM, appendix A); the loss is
    the mean over rounds, a prediction comes from the last. Given prompts have no further rounds.

    Several objects make one mask: at each pixel the highest logit counts.

    Args:
        image_encoder: Config of :class:`SAMImageEncoder`, or of mmpretrain's ``LoRAModel`` of it.
        train_prompts: Config of a sampler.
        test_prompts: Config of a sampler.
        loss: Config of :class:`BestMaskLoss`.
        prompts_from: ``'truth'``: predictions, too, take prompts from the true mask, which has to
            be there. ``'given'``: from the metainfo ``prompts``, which ``LoadPrompts`` adds.
        pretrained: File with Meta's names, loaded strictly when training starts (with LoRA when
            the model is built, since no checkpoint has it). None starts at random.
        trainable: Regular expression of what is trained: ``'.*'`` for all, ``'^mask_decoder'``,
            empty for none. A part of which nothing is trained stays in eval mode.
        mask_choice: Which candidate is kept: the one with the highest ``'predicted_iou'``, or
            always number 0, 1 or 2.
        embedding_cache: Folder where embeddings are kept, for an encoder that is wholly frozen.
        object_score: Settings of :class:`.ObjectScore`; ``dict()`` for its defaults. The model then
            says of each object whether it is there, which is always trained whatever
            ``trainable`` says, and is asked about the background too. None: as SAM.
        kwargs: ``data_preprocessor``, ``test_output`` (:class:`.TestOutput`), and what
            :class:`.HostSegmentor` takes.

    Raises:
        MammoError: A value is not among the above.
    """

    def __init__(
        self,
        *,
        image_encoder: dict[str, Any],
        train_prompts: dict[str, Any],
        test_prompts: dict[str, Any],
        loss: dict[str, Any],
        prompts_from: str,
        pretrained: str | None = None,
        trainable: str = '.*',
        mask_choice: str | int = 'predicted_iou',
        embedding_cache: str | None = None,
        object_score: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.has_presence = object_score is not None
        super().__init__(**kwargs)
        self.object_score = read_object_score(object_score)
        for name, value, allowed in (
            ('prompts_from', prompts_from, ('truth', 'given')),
            ('mask_choice', mask_choice, CHOICES),
        ):
            if value not in allowed:
                raise MammoError(f'{name}={value!r} of SAMSegmentor', ', '.join(map(str, allowed)))
        # The encoder first: LoRAModel drops what the state dict holds before it.
        self.image_encoder = MODELS.build(image_encoder)
        self.prompt_encoder, self.mask_decoder = build_small_parts(
            self.image_encoder.out_chans, self.image_encoder.img_size, self.has_presence
        )
        self.train_prompts = MODELS.build(train_prompts)
        self.test_prompts = MODELS.build(test_prompts)
        self.candidate_loss = MODELS.build(loss)
        self.pretrained = pretrained
        self.trainable = trainable
        self.prompts_from = prompts_from
        self.mask_choice = mask_choice
        if pretrained and isinstance(self.image_encoder, LoRAModel):
            self.load_base()
        train_only(self, self.tuned_parameters())
        copy_frozen_once(self.image_encoder)
        guard_frozen(self)
        self.cache = cache_for(self.image_encoder, embedding_cache)
        self.train()

    def train(self, mode: bool = True) -> 'SAMSegmentor':
        """Keep parts of which nothing is trained in eval mode; let the cache look at its encoder."""
        super().train(mode)
        if self.cache:  # hooks that exchange weights do so between training and validation
            self.cache.recheck()
        for part in self.children():
            part.train(mode and any(p.requires_grad for p in part.parameters()))
        return self

    def extract_feat(self, inputs: Tensor) -> Tensor:
        """B×3×S×S normalised images -> B×C×s×s float32."""
        if self.cache is None:
            return self.image_encoder(inputs).float()
        return self.cache.embed(inputs, self.image_encoder)

    def _rounds(self, embedding: Tensor, prompting: Interaction) -> Iterator[Round]:
        parts = self.prompt_encoder, self.mask_decoder, embedding
        return decode_rounds(*parts, prompting, self.mask_choice)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Means over images: ``loss_focal``, ``loss_dice``, ``loss_iou``.

        With an object score also ``loss_object``, and the others are 0 for images without a lesion
        (:func:`.object_losses`).

        Args:
            inputs: B×3×S×S, normalised.
            data_samples: With ``gt_sem_seg``. An image of which every pixel is ignored, since
                only its label is known, has no loss: nobody knows where to click.
        """
        triples = zip(self.extract_feat(inputs), inputs, data_samples, strict=True)
        return mean_losses([self._image_losses(one[None], *rest) for one, *rest in triples])

    def _image_losses(
        self, embedding: Tensor, image: Tensor, sample: SegDataSample
    ) -> dict[str, Tensor]:
        sampler = self.train_prompts if self.training else self.test_prompts
        generator = None if self.training else image_generator(sample)
        levels, settings = self.grey_levels(image), self.object_score
        prompting = training_prompts(sample, levels, sampler, generator, settings)
        targets = targets_on_input(prompting, sample, (image.shape[-2], image.shape[-1]))
        how = *(t.to(embedding.device) for t in targets), self.candidate_loss, settings
        return mean_losses([round_losses(one, *how) for one in self._rounds(embedding, prompting)])

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Sequence[SegDataSample]:
        """Predict masks on the grid of the prepared images.

        Args:
            inputs: B×3×S×S, normalised.
            data_samples: With truth or prompts; see ``prompts_from``.

        Returns:
            The samples, with ``seg_logits`` (2×H×W: zero and the logit), ``pred_sem_seg``
            (1×H×W), ``candidates`` (K×H×W logits), and the metainfo ``candidate_iou`` (K floats;
            NaN for several objects: nothing is predicted of a union), ``chosen`` (-1 if objects
            chose differently), ``prompt_points`` ([x, y, label], pixels of the prepared image),
            ``prompt_boxes``, ``prompts_from``. Without a prompt all masks are empty, with
            probability 0 everywhere, ``candidate_iou`` is NaN and ``chosen`` -1. With an object score
            see also :meth:`.TestOutput.gate` and :func:`.close_objects`.
            Of several objects from the truth also ``best_of_each`` (1×H×W logits): the union
            of the candidates that are best for their own objects (:func:`.best_candidate`). The
            same on the network's grid: ``input_logits``, ``input_candidates``, … All of them
            follow ``test_output``, candidates too: the kept one stays equal to the mask.
        """
        if data_samples is None:
            raise MammoError('SAM cannot predict without samples', 'samples with truth or prompts')
        embeddings = self.extract_feat(inputs)
        found = self._segment(embeddings, inputs, data_samples, closing=self.has_presence)

        def complete(index: int, sample: SegDataSample) -> None:
            kept, offered, facts = found[index]
            keep_candidates(self, offered, sample, len(facts['candidate_iou']))
            sample.set_metainfo(facts)
            self.postprocess_result(kept[None], [sample])

        presence = [one.facts['presence_logit'] for one in found] if self.has_presence else None
        return self.put_in(inputs, data_samples, complete, presence)

    def _segment(
        self,
        embeddings: Tensor,
        inputs: Tensor,
        data_samples: list[SegDataSample],
        prompts_from: str | None = None,
        closing: bool = False,
    ) -> list[Found]:
        """What is found of each image; closed objects are left out if ``closing``."""
        shape = (inputs.shape[-2], inputs.shape[-1])
        found = []
        for embedding, sample in zip(embeddings, data_samples, strict=True):
            if (prompts_from or self.prompts_from) == 'given':
                prompting = prompts_from_metainfo(sample, shape)
            else:
                prompting = prompts_from_truth(
                    sample, shape, self.test_prompts, image_generator(sample)
                )
            *_, last = self._rounds(embedding[None], prompting)
            output = self.test_output if closing else None
            one = merge_round(last, prompting.objects, self.mask_choice, output)
            sx, sy = input_scale(sample, shape)
            prompts = last.prompts.scale(1 / sx, 1 / sy).as_metainfo()
            one.facts.update(prompts_from=self.prompts_from, **prompts)
            found.append(one)
        return found

    def encode_decode(self, inputs: Tensor, batch_data_samples: list[SegDataSample]) -> Tensor:
        """B×3×S×S -> B×2×S×S logits, of which the first is zero."""
        found = self._segment(self.extract_feat(inputs), inputs, batch_data_samples)
        return torch.stack([one.kept for one in found])

    def _forward(self, inputs: Tensor, data_samples: Any = None) -> Tensor:
        """As :meth:`encode_decode`; without samples of a click in the middle, for counting FLOPs.

        The cache is left alone, so that the encoder is always counted.
        """
        samples, source = data_samples, None
        if data_samples is None:
            samples, source = [centre_click_sample(inputs.shape[-2:])] * len(inputs), 'given'
        found = self._segment(self.image_encoder(inputs).float(), inputs, samples, source)
        return torch.stack([one.kept for one in found])
