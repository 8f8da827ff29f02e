"""Prospects of a training: reasons why it cannot succeed, found before its first step."""

import difflib
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mmseg_mammo.datasets.description import members
from mmseg_mammo.engine.loops import LossValLoop
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.scalars import scalar
from mmseg_mammo.io.image_keys import origin_of
from mmseg_mammo.io.mask import is_image_label

Row = Mapping[str, Any]


def index_rows(dataset: Any) -> list[Row]:
    """The index rows of the images of a data set, also inside mmengine's wrappers.

    Data sets that are not this project's have none.
    """
    inside = [member for member in members(dataset) if hasattr(member, 'get_data_info')]
    rows = [member.get_data_info(i) for member in inside for i in range(len(member))]
    return [row for row in rows if 'annotated' in row]


def refuse_unannotated(split: str, rows: Sequence[Row]) -> None:
    """Raise a MammoError if nobody looked at an image: the first one to be loaded ends the run."""
    count = sum(row['annotated'] == 'no' for row in rows)
    if count:
        raise MammoError(
            f'{split}_dataloader: nobody annotated {count} of its {len(rows)} images',
            'images with annotated=lesion or annotated=normal in the index',
            f'Set {split}_dataloader.dataset.annotated_only=True',
        )


def refuse_image_labels(rows: Mapping[str, Sequence[Row]], has_presence: bool, truth: bool) -> None:
    """Refuse images whose lesion nobody outlined where a model can make nothing of them.

    Args:
        rows: Of the index, by split. Only ``train`` needs a model with presence: elsewhere they count
            at the image level, by the highest probability.
        has_presence: Whether the model learns if there is a lesion at all.
        truth: Whether its predictions take prompts from the true masks.

    Raises:
        MammoError: There are some among images that need a mask.
    """
    for split, found in rows.items():
        count = sum(map(is_image_label, found))
        place = f'{split}_dataloader: {count} of its {len(found)} images have an image label alone'
        leave_out = f'{split}_dataloader.dataset.image_labels=False, which leaves them out'
        if count and split == 'train' and not has_presence:
            raise MammoError(
                f'{place} (mask_kind=image-label), and this model learns from masks alone',
                'a model that also learns whether there is a lesion at all',
                f'Set model.presence_head (of SAM: model.object_score; docs/data.md), or {leave_out}',
            )
        if count and split != 'train' and truth:
            raise MammoError(
                f'{place} (mask_kind=image-label), and model.prompts_from is truth',
                'images with a mask to take prompts from, or normal ones',
                f'Set {leave_out}, or give prompts in a table: --prompts FILE (docs/sam.md)',
            )


def data_doubts(train: Sequence[Row], val: Sequence[Row]) -> list[str]:
    """Problems of the images of a training, whatever its model.

    Args:
        train: Index rows of the images that are trained on.
        val: Those that are validated on; empty without validation.
    """
    doubts = []
    if train and not _lesions(train):
        labelled = any(map(is_image_label, train))
        learnt = 'learn whether there is one, and not' if labelled else 'only learn'
        doubts.append(
            f'none of the {len(train)} training images has {_what(labelled)}: the model can {learnt} to '
            f'mark {"it" if labelled else "nothing"}'
        )
    if val and not _lesions(val):
        doubts.append(
            f'none of the {len(val)} validation images has {_what(any(map(is_image_label, val)))}: '
            'lesion Dice will be nan in '
            'every epoch, and no best checkpoint is saved by it. Move patients with lesions to the '
            'split val'
        )
    images = {_file(row) for row in train} & {_file(row) for row in val}
    patients = {_patient(row) for row in train} & {_patient(row) for row in val}
    if images:
        doubts.append(
            f'{len(images)} of the {len(val)} validation images are trained on: their scores say '
            'nothing about new images'
        )
    elif patients:
        doubts.append(
            f'{len(patients)} patients of the validation images are trained on: their scores are '
            'better than those of new patients'
        )
    return doubts


def loop_doubts(
    length: int, val_begin: int, has_validation: bool, wanted: Mapping[str, str]
) -> list[str]:
    """Problems of the times at which a training validates.

    Args:
        length: Epochs, or steps where those count.
        val_begin: The first of them that may be validated.
        has_validation: Whether the config has one.
        wanted: The scores that something waits for, and the setting that says so.
    """
    waiting = ', '.join(f'{setting}={score}' for score, setting in wanted.items())
    if has_validation and val_begin <= length:
        return []
    if has_validation:
        reason = f'train_cfg.val_begin={val_begin} is after the end of the training ({length})'
    else:
        reason = 'the config has no validation'
    return [f'{reason}: {waiting} will never act'] if waiting or has_validation else []


def known_scores(val_loop: Any) -> set[str] | None:
    """The scores that a validation will give; None if a metric does not tell, as the host's."""
    names: set[str] = set()
    for metric in val_loop.evaluator.metrics:
        if not hasattr(metric, 'score_names'):
            return None
        prefix = f'{metric.prefix}/' if metric.prefix else ''
        names |= {f'{prefix}{name}' for name in metric.score_names()}
    return names | ({'val_loss'} if isinstance(val_loop, LossValLoop) else set())


def refuse_unknown(wanted: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse to wait for a score that no validation gives; mmengine fails after the first one.

    Args:
        wanted: See :func:`loop_doubts`.
        known: From :func:`known_scores`.

    Raises:
        MammoError: A score is not among them, no part of the loss, and not one that only some models have.
    """
    part_of_loss = 'val_' if 'val_loss' in known else None
    for score, setting in wanted.items():
        loss = part_of_loss and score.startswith(part_of_loss)
        # Those that only some models have a metric cannot know of before it sees one.
        declared = scalar(score)
        special = declared is not None and declared.special
        if score not in known and not loss and not special:
            near = difflib.get_close_matches(score, known, n=3, cutoff=0.5) or sorted(known)
            remedy = 'Name another score'
            if score == 'val_loss':
                remedy = "Set val_cfg.type='LossValLoop', which computes it"
            raise MammoError(
                f'{setting}={score!r}: the validation does not give this score',
                ', '.join(near),
                remedy,
            )


def _lesions(rows: Sequence[Row]) -> int:
    """Lesions that somebody outlined."""
    return sum(row['annotated'] == 'lesion' and not is_image_label(row) for row in rows)


def _what(labelled: bool) -> str:
    return 'a lesion with a mask' if labelled else 'a lesion'


def _file(row: Row) -> str:
    return os.path.realpath(row['img_path'])


def _patient(row: Row) -> tuple[str, str]:
    return origin_of(row['source']), row['patient_id']
