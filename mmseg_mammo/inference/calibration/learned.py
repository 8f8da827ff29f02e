"""Images of a calibration that the model learned from, as its record tells."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg_mammo.evaluation.out_of_fold.false_marks import TUNED
from mmseg_mammo.io.checkpoint_record import FEW, FOLDS


def note_on_learned(
    record: Mapping[str, Any] | None, index: str | None, splits: Sequence[str]
) -> tuple[str, ...]:
    """A warning, if the threshold is chosen on images that the model learned from.

    A model of folds is none of those: each image is predicted by the one that never saw it.

    Args:
        record: Of the checkpoint; None of other programs'.
        index: SHA-256 of the index whose images the threshold is chosen on.
        splits: Of these images.
    """
    if record is None or record.get(FOLDS):
        return ()
    learned = [
        facts
        for each in (record.get('trained_on') or {}).values()
        for facts in _members(each)
        if facts.get('split') == 'train'
        and index in (facts.get('index_sha256'), facts.get('part_of'))
    ]
    # Folds choose steps on both splits; then all images of both are trained on, as a part of the index.
    # Where the start is kept, they are not, unless it was tuned so before.
    few = record.get(FEW)
    tuned = few and few.get('kept', TUNED) == TUNED
    again = few and any(facts.get('part_of') == index for facts in learned)
    theirs = {'train', 'val'} if tuned or again else {'train'}
    known = [split for split in splits if split in theirs]
    if not learned or not known:
        return ()
    text = (
        f'WARNING: the model learned from images of {" and ".join(known)}, on which the threshold is '
        'chosen: on others the target is kept less well. Take images that it was not trained on.'
    )
    return (text,)


def _members(facts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What is known of each data set of a training."""
    yield facts
    for member in (*facts.get('members', ()), *facts.get('normal_sources', ())):
        yield from _members({'split': facts.get('split'), **member})
