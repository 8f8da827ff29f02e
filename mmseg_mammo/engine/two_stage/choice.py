"""Choice on validation: how candidates are ranked, which are kept, and where pixels are cut."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_mammo.engine.config.test_output import metrics, use_test_output
from mmseg_mammo.engine.presence.hook import arrays_of
from mmseg_mammo.engine.steps.journal import tell
from mmseg_mammo.engine.two_stage.joined import with_full_image
from mmseg_mammo.engine.two_stage.mining import answers, device_of, loader_of
from mmseg_mammo.engine.two_stage.ranking import (
    MOST,
    Counted,
    choose_keep,
    count_pixels,
    fit_ranking,
)
from mmseg_mammo.engine.two_stage.stages import OF_CROPS
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.image_level.gate import find_gate
from mmseg_mammo.evaluation.two_stage.candidates import crops_with_lesion
from mmseg_mammo.io.checkpoint_record import PRESENCE
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.operating_point import read_target
from mmseg_mammo.models.test_output import read_test_output
from mmseg_mammo.models.two_stage.candidates import (
    Candidate,
    paste,
    presence_logit,
    rank,
    ranking_logits,
    read_ranking,
)
from mmseg_mammo.models.two_stage.settings import CandidateRule, CropRule, read_settings

TARGET = 'sensitivity=0.95'
# Of what check_choice returns, what the finder's candidates depend on.
OF_CANDIDATES = ('model.candidates', 'model.crop')


@dataclass(frozen=True)
class Seen:
    """What the model made of one validation image.

    Attributes:
        meta: Facts of the image.
        candidates: K, without their logits.
        hits: K bool, whether the crop holds a lesion.
        counted: Pixels by the sets of candidates that mark them; None where nobody outlined the
            lesion.
    """

    meta: dict[str, Any]
    candidates: tuple[Candidate, ...]
    hits: np.ndarray
    counted: Counted | None


def check_choice(joined: Config, finder: Config, target: str | None) -> dict[str, Any]:
    """Refuse, before anything is trained, what the choice on validation would stumble over.

    Args:
        joined: Config of the model of both stages.
        finder: Of the finder.
        target: See :func:`choose`.

    Returns:
        What candidates and the choice depend on beside the stages; a training that is gone on with
        has to agree.

    Raises:
        MammoError: There are more candidates than can be chosen among, no validation images, several
            data sets of one split; or the target is none.
    """
    candidates = read_settings(CandidateRule, 'candidates', joined.model.get('candidates'))
    if candidates.count > MOST:
        raise MammoError(
            f'model.candidates.count={candidates.count}', f'1 to {MOST}, to choose the keep rule'
        )
    read_target(target or TARGET)
    loader_of(finder, 'train')
    if loader_of(finder, 'val') is None:
        raise MammoError(
            f'{finder.filename} has no validation images to choose by',
            'a config with val_dataloader',
        )
    crop = vars(read_settings(CropRule, 'crop', joined.model.get('crop')))
    output = vars(read_test_output(joined.model.get('test_output')))
    return {
        'model.candidates': vars(candidates),
        'model.crop': {name: crop[name] for name in OF_CROPS},
        'model.test_output': {name: output[name] for name in ('temperature', 'breast_only')},
        'stages.presence': target or TARGET,
    }


def choose(model: Any, finder: Config, target: str | None = None) -> dict[str, Any]:
    """Choose ranking, keep rule, thresholds of pixels and of presence on the validation images.

    The model sees each image once. Ranking is a logistic regression of whether the crop of a
    candidate holds a lesion. The keep rule and the threshold of pixels are those of the best mean
    Dice; presence follows the target, if there are normal images.

    Args:
        model: Of both stages; ``model.cfg`` has the choice afterwards.
        finder: Config that the finder was trained with: its validation images.
        target: See :func:`.find_gate`; None for a sensitivity of 95 %.

    Returns:
        Facts of the choice, for the record.

    Raises:
        MammoError: No validation image has a mask.
    """
    seen = list(_look(model.to(device_of(finder)), finder))
    model.cpu()
    known = [one for one in seen if one.counted is not None]
    ranking = _fit(known)
    scores = [_scores(one, ranking) for one in known]
    kept = choose_keep(
        [one.counted for one in known if one.counted], scores, model.candidates.count
    )
    cfg = model.cfg
    cfg.model.ranking = ranking
    cfg.model.keep = {name: getattr(kept, name) for name in ('count', 'min_score', 'threshold')}
    for metric in metrics(cfg):
        metric.threshold = kept.threshold
    lesions = sum(one.counted.lesion > 0 for one in known if one.counted)
    facts = {
        'ranking': ranking,
        'keep': dict(cfg.model.keep),
        'dice': kept.dice,
        'lesion_dice': kept.lesion_dice,
        'lesion': lesions,
        'normal': len(known) - lesions,
        'candidates': sum(len(one.candidates) for one in known),
        'hits': int(sum(one.hits.sum() for one in known)),
    }
    tell(_chosen_in_words(facts))
    return {**facts, PRESENCE: _gate(model, seen, target or TARGET)}


def _look(model: Any, finder: Config) -> Iterator[Seen]:
    loader = loader_of(finder, 'val')
    assert loader is not None  # see check_choice
    loader['dataset']['pipeline'] = with_full_image(loader['dataset']['pipeline'])
    for sample, found in answers(model, loader, model.look, 'choice on validation'):
        own = tuple(replace(one, logits=torch.empty(0)) for one in found)
        if is_image_label(sample.metainfo):
            yield Seen(dict(sample.metainfo), own, np.zeros(len(found), bool), None)
            continue
        truth = sample.gt_sem_seg.data[0].numpy() == 1
        maps = [_map_of(model, one, truth.shape) for one in found]
        hits = crops_with_lesion(truth, [one.crop for one in found])
        yield Seen(dict(sample.metainfo), own, hits, count_pixels(maps, truth))


def _map_of(model: Any, one: Candidate, shape: tuple[int, ...]) -> np.ndarray:
    """The probabilities that a candidate would give an image of ``shape`` alone, H×W float32."""
    own = replace(one, logits=one.logits.cpu(), kept=True)
    pasted: np.ndarray = (
        paste([own], (shape[0], shape[1]), scale=model.test_output.scale).sigmoid().numpy()
    )
    return pasted


def _fit(known: list[Seen]) -> dict[str, Any] | None:
    """The ranking of a config; None for its default, where candidates of one kind teach nothing."""
    logits = [_logits(c) for one in known for c in one.candidates]
    hits = [bool(hit) for one in known for hit in one.hits]
    fitted = fit_ranking(np.array(logits).reshape(-1, 3), np.array(hits, dtype=bool))
    if fitted is None:
        print_log(
            f'ranking: {sum(hits)} of {len(hits)} candidates of the validation hold a lesion, of '
            'which nothing can be learned: the mean of the three logits ranks them',
            'current',
            logging.WARNING,
        )
        return None
    return {'weights': fitted[0], 'bias': fitted[1]}


def _logits(one: Candidate) -> list[float]:
    return ranking_logits(one.finder_score, one.refiner_presence, one.refiner_max)


def _scores(one: Seen, ranking: dict[str, Any] | None) -> np.ndarray:
    """K scores; minus infinity of a candidate that the refiner closes, which is never kept."""
    rule = read_ranking(ranking)
    return np.array([-math.inf if c.closed else rule.score(c) for c in one.candidates])


def _gate(model: Any, seen: list[Seen], target: str) -> dict[str, Any] | None:
    """The presence threshold by the rules of :class:`.PresenceThresholdHook`; None without one."""
    ranking = read_ranking(model.cfg.model.ranking)
    records = [
        {
            **one.meta,
            'truth_pixels': one.counted.lesion if one.counted else 0,
            'presence_logit': presence_logit(rank(one.candidates, ranking, model.keep)),
        }
        for one in seen
    ]
    try:
        gate = find_gate(*arrays_of(records), read_target(target))
    except MammoError as error:
        tell(f'No presence threshold is chosen: {error}')
        return None
    use_test_output(model.cfg, **gate.as_settings())
    return {**gate.as_facts(), 'split': 'val'}


def _chosen_in_words(facts: dict[str, Any]) -> str:
    keep = facts['keep']
    return (
        f'chosen on {facts["lesion"]} validation images with a lesion and {facts["normal"]} normal '
        f'ones: the best {keep["count"]} of {facts["candidates"] / max(1, facts["lesion"] + facts["normal"]):.1f} '
        f'candidates an image, with a score from {keep["min_score"]:g} on, pixels above '
        f'{keep["threshold"]:g}: lesion Dice {facts["lesion_dice"]:.2f} '
        f'(with normal images, 100 where empty: {facts["dice"]:.2f})'
    )
