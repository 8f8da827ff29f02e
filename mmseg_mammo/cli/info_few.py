"""Lines of ``mammoseg info`` on folds: of a model of several, and of a tuning that they chose."""

from collections.abc import Mapping
from typing import Any

from mmseg_mammo.evaluation.out_of_fold.false_marks import false_marks_in_words
from mmseg_mammo.io.checkpoint_record import FEW, FOLDS


def few_lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What folds have to do with a checkpoint, in lines: what each is about, and the text.

    Args:
        record: Of :func:`mmseg_mammo.io.checkpoint_record.read_record`.
    """
    return [*_few(record.get(FEW)), *_folds(record.get(FOLDS))]


def _few(few: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What folds said of a tuning: of the start, of the tuned model, and which is kept."""
    if few is None:
        return []
    images, won = few['images'], few['gain']
    start, tuned = (few[name]['value'] for name in ('start_dice', 'tuned_dice'))
    between = '' if won['low'] is None else f', {won["low"]:+.1f} to {won["high"]:+.1f}'
    source = few['start']
    same = f'the start, {source["file"]} (SHA-256 {source["sha256"]}), is kept'
    kept = f'tuned for {few["steps"]} steps' if few['steps'] else same
    text = (
        f'{kept}; lesion Dice out of fold {_known(start)} of the start, {_known(tuned)} tuned '
        f'({_known(won["value"], "+.1f")}{between}), {few["folds"]} folds of {images["lesion"]} images '
        f'with a lesion and {images["normal"]} normal ones of {images["patients"]} patients'
    )
    if few.get('presence_threshold') is not None:
        text += f'; the presence threshold, {few["presence_threshold"]:.4g}, is that of the start'
    marks = false_marks_in_words(few)
    return [('few samples', f'{text}; {marks}' if marks else text)]


def _known(value: float | None, form: str = '.1f') -> str:
    return 'unknown' if value is None else format(value, form)


def _folds(folds: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """How many models a checkpoint of folds holds, and of what."""
    if folds is None:
        return []
    text = (
        f'{folds["count"]} models, each trained without one fold of {folds["images"]} images; an image '
        'of a fold is predicted by the model that never saw it, any other by the mean of all'
    )
    return [('folds', text)]
