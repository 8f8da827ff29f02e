"""Confounding: whether the source of an image tells its label, so that a model may learn the source.

A model that tells hospitals, films or cuts apart scores perfectly where all lesions are of one and
all normals of another, and knows nothing of lesions. Pure functions.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.mask import is_image_label

LABELS = ('lesion', 'normal')  # of the column ``annotated``
_REMEDY = (
    'Add cuts of the images with a lesion, which have both (mammoseg lesion-free), or images of the '
    'other label of the same source; docs/absence.md. allow_confounded=True of the data set trains '
    'all the same'
)


def count_labels(rows: Sequence[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Images of each source by their label.

    Args:
        rows: With the columns ``source`` and ``annotated`` of an index; unannotated ones do not count.

    >>> count_labels([{'source': 'A', 'annotated': 'lesion'}])
    {'A': Counter({'lesion': 1})}
    """
    found: dict[str, Counter[str]] = {}
    for row in rows:
        if row['annotated'] in LABELS:
            found.setdefault(row['source'], Counter())[row['annotated']] += 1
    return dict(sorted(found.items()))


def confounded_labels(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The labels that come only from sources without an image of the other label.

    Args:
        counts: From :func:`count_labels`.

    Returns:
        Of :data:`LABELS`; none where all images have one label, and there is nothing to tell apart.

    >>> confounded_labels({'A': {'lesion': 5}, 'B': {'normal': 5}})
    ['lesion', 'normal']
    >>> confounded_labels({'A': {'lesion': 5}, 'A, cut': {'lesion': 5, 'normal': 5}})
    []
    """
    having = {label: [own for own in counts.values() if own.get(label)] for label in LABELS}
    if not all(having.values()):
        return []
    return [
        label
        for label, other in (LABELS, LABELS[::-1])
        if not any(own.get(other) for own in having[label])
    ]


def refuse_confounded(split: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse images whose source tells whether they have a lesion.

    Args:
        split: Of a loader, for the message.
        rows: See :func:`count_labels`.

    Raises:
        MammoError: A label is confounded with the source.
    """
    counts = count_labels(rows)
    if not confounded_labels(counts):
        return
    said = '; '.join(
        f'{source}: {own["lesion"]} with a lesion, {own["normal"]} normal'
        for source, own in counts.items()
    )
    raise MammoError(
        f'{split}_dataloader: the source of an image tells whether it has a lesion ({said}), so that '
        'presence would be learnt from the source',
        'a source with images of both labels for each label',
        _REMEDY,
    )


def leave_to_masks(items: Sequence[dict[str, Any]]) -> None:
    """Mark images of sources with one label, so that they train masks, and presence not.

    Where cuts of lesion images have both labels and the whole images one, presence would learn what
    *whole* looks like. Nothing is marked where no source has both labels.

    Args:
        items: See :func:`count_labels`; such an image gets ``trains_presence`` False.
    """
    one = {source for source, own in count_labels(items).items() if len(own) < len(LABELS)}
    if one < {item['source'] for item in items if item['annotated'] in LABELS}:
        for item in items:
            if item['source'] in one:
                item['trains_presence'] = False


def presence_doubts(split: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What may spoil the presence of a lesion that is learnt from images, or chosen by them.

    Args:
        split: Of a loader, for the message.
        rows: See :func:`count_labels`.

    Returns:
        A line on each source whose images all have one label, while others have both; one if no image
        is normal at all.
    """
    counts = count_labels(rows)
    total = sum(counts.values(), Counter[str]())
    if total['lesion'] and not total['normal']:
        return [f'none of the {total["lesion"]} images of {split} is normal: presence is always 1']
    doubts = []
    spared = {row['source'] for row in rows if row.get('trains_presence') is False}
    labelled = Counter(row['source'] for row in rows if is_image_label(row))
    for source, own in counts.items():
        label, other = LABELS if own['lesion'] else LABELS[::-1]
        if not own[other] and total[other]:
            start = f'all {own[label]} images of {split} from {source!r} are annotated={label}: '
            doubts.append(start + _consequence(split, source in spared, labelled[source]))
    return doubts


def _consequence(split: str, spared: bool, labelled: int) -> str:
    """What becomes of images of a source with one label; ``labelled`` of them have no mask."""
    if split != 'train':
        return 'the AUROC of presence over all images may tell sources apart (docs/absence.md)'
    if not spared:
        return 'a model may take what is peculiar to them for it (docs/absence.md)'
    nothing = (
        f'. {labelled} of them have an image label alone, and train nothing: add normal images of '
        'this source, or leave them out by train_dataloader.dataset.image_labels=False'
    )
    return 'they train the mask alone, and not the presence (docs/absence.md)' + nothing * (
        labelled > 0
    )
