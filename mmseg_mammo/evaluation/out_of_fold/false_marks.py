"""False marks out of fold: of the start and of the tuned model, in a record and in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_mammo.evaluation.out_of_fold.held_out import Scores

# The start at its own threshold; the start, and the tuned model, where the folds cut them.
AS_IT_IS, START, TUNED = 'as_it_is', 'start', 'tuned'
_MORE = 1.0  # false marks an image


def describe_false_marks(scores: 'Scores') -> dict[str, float | None]:
    """False marks an image: ``all`` images, those with a ``lesion``, and ``normal`` ones; None without."""
    lesion, normal = scores.lesion, ~scores.lesion
    kinds = {'all': lesion | normal, 'lesion': lesion, 'normal': normal}
    return {
        name: float(scores.false_marks[kind].mean()) if kind.any() else None
        for name, kind in kinds.items()
    }


def false_marks_in_words(few: Mapping[str, Any]) -> str:
    """What the record of a tuning says of false marks; nothing of an earlier version's.

    Args:
        few: With ``kept``, and in ``false_marks`` facts of :func:`describe_false_marks`.
    """
    if not (found := few.get('false_marks')):
        return ''
    said = {name: _in_words(found[name]) for name in (AS_IT_IS, START, TUNED)}
    new = few['kept'] == START and not few.get('start_as_it_is')
    anew = f', {said[START]} at the new one' if new else ''
    return (
        f'false marks an image out of fold: {said[AS_IT_IS]} of the start at its own threshold'
        f'{anew}, {said[TUNED]} tuned'
    )


def warn_of_false_marks(few: Mapping[str, Any], checkpoint: Path) -> str:
    """A line where what is kept has at least twice the false marks of the start, and one more an image."""
    before, after = (few['false_marks'][name]['all'] for name in (AS_IT_IS, few['kept']))
    if after < 2 * before or after - before <= _MORE:
        return ''
    return (
        f'warning: false marks rise from {before:.1f} to {after:.1f} an image; set the threshold on images '
        f'that it did not learn from: mammoseg calibrate {checkpoint} --data FOLDER --split test --promise '
        'false-marks=1 (of marks that touch no lesion), if other images are kept for the last test'
    )


def _in_words(marks: Mapping[str, float | None]) -> str:
    named = {'lesion': 'on images with a lesion', 'normal': 'on normal ones'}
    known = {name: marks[name] for name in named if marks[name] is not None}
    return ' and '.join(f'{value:.1f} {named[name]}' for name, value in known.items())
