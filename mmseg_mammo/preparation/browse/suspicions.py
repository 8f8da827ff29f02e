"""Suspicions: what is odd about prepared images, by themselves and beside the rest of their set."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_mammo.preparation.browse.look import Look
from mmseg_mammo.preparation.likeness import FEATURES, LIKE, UNLIKE, Reference, features_of

_OUTSIDE = 0.1  # of a mask; the breast is found generously
_LARGE = 0.5  # of the image
_WHITE = 0.12  # of the breast; of 1,042 public mammograms at most 0.094 is
_SMALL = 0.05  # of the image; the breast is at least 0.12 of them
_DARK = 20  # of 255, for nearly all of the breast
_ODD = 5.0  # robust standard deviations
_FEWEST = 10  # images, before one is compared with the rest
_AGREED = 0.9  # of the images, from which on the others are odd
_CENTRAL = 0.1  # of half the width: such a breast lies on neither side
_ASKEW = 0.15  # of an edge: such a breast lies along neither
# Side and laterality have a line of their own.
_COMPARED = ('aspect', 'breast', 'level_5', 'level_50', 'outside', 'detail')


class Suspicion(NamedTuple):
    """A reason to look at an image; ``weight`` puts the graver ones first."""

    weight: float
    text: str


def find_suspicions(
    looks: Sequence[Look], reference: Reference | None = None
) -> list[list[Suspicion]]:
    """What is suspicious about each image, the gravest first.

    Args:
        looks: Of all images of a set.
        reference: Training images that they are compared with.
    """
    found = [[*_alone(look), *_against(look, reference)] for look in looks]
    for others in (_twins(looks), _mirrored(looks), _turned(looks), _beside_the_rest(looks)):
        for number, suspicion in others:
            found[number].append(suspicion)
    return [sorted(each, key=lambda one: -one.weight) for each in found]


def _alone(look: Look) -> Iterator[Suspicion]:
    if look.fault:
        yield Suspicion(10, look.fault)
        return
    if np.isnan(look.statistics['level_50']):
        yield Suspicion(9, 'black image')
    elif look.statistics['breast'] < _SMALL:
        yield Suspicion(9, 'hardly any breast was found: black image?')
    elif look.statistics['level_95'] < _DARK:
        yield Suspicion(6, 'nearly black: something small is much brighter than the breast')
    if look.inverted:
        yield Suspicion(7, 'border brighter than the middle: inverted?')
    if look.white > _WHITE:
        yield Suspicion(6, f'saturated: {look.white:.0%} of the breast is white')
    if look.mask_share is None:
        return
    if not look.mask_share:
        yield Suspicion(8, 'the mask is empty, the index says lesion')
    if look.mask_share > _LARGE:
        yield Suspicion(8, f'the mask covers {look.mask_share:.0%} of the image')
    if look.mask_outside > _OUTSIDE:
        text = f'{look.mask_outside:.0%} of the mask is outside the breast'
        yield Suspicion(5 + 3 * look.mask_outside, text)


def _against(look: Look, reference: Reference | None) -> Iterator[Suspicion]:
    if look.fault or reference is None:
        return
    found = reference.judge(look.statistics, look.item.row.laterality)
    if found.word != LIKE:
        reasons = ', '.join(found.reasons)
        weight = 4 if found.word == UNLIKE else 1
        yield Suspicion(weight, f'{found.word} beside the training images: {reasons}')


def _twins(looks: Sequence[Look]) -> Iterator[tuple[int, Suspicion]]:
    groups = defaultdict(list)
    for number, look in enumerate(looks):
        if look.digest:
            groups[look.digest].append(number)
    for numbers in groups.values():
        for number in numbers[1:]:
            other = looks[numbers[0]].item.row
            grave = other.patient_id != looks[number].item.row.patient_id
            text = f'same pixels as {other.image}' + ', of another patient' * grave
            yield number, Suspicion(7 + grave, text)


def _mirrored(looks: Sequence[Look]) -> Iterator[tuple[int, Suspicion]]:
    """Images whose breast lies on the other side than nearly all of their laterality."""
    for number in _minority([_facing(look) for look in looks], _CENTRAL):
        look = looks[number]
        lies = 'right' if look.statistics['side'] > 0 else 'left'
        text = f'laterality {look.item.row.laterality}, but the breast lies {lies}: mirrored?'
        yield number, Suspicion(6, text)


def _turned(looks: Sequence[Look]) -> Iterator[tuple[int, Suspicion]]:
    """Images whose breast lies along other edges than nearly all."""
    for number in _minority([look.upright for look in looks], _ASKEW):
        yield (
            number,
            Suspicion(6, 'the breast lies along another edge than the rest: turned by 90°?'),
        )


def _minority(numbers: Sequence[float], least: float) -> Iterator[int]:
    """Which numbers, beyond ``least``, have another sign than nearly all that are beyond it."""
    values = np.array(numbers)
    clear = np.abs(values) > least  # False for NaN
    if clear.sum() < _FEWEST:
        return
    usual = 1 if np.mean(values[clear] > 0) > 0.5 else -1
    agreed = np.sign(values) == usual
    if agreed[clear].mean() >= _AGREED:
        yield from map(int, np.flatnonzero(clear & ~agreed))


def _facing(look: Look) -> float:
    if not look.statistics:
        return float('nan')
    return features_of(look.statistics, look.item.row.laterality)['facing']


def _beside_the_rest(looks: Sequence[Look]) -> Iterator[tuple[int, Suspicion]]:
    seen = [number for number, look in enumerate(looks) if look.statistics]
    if len(seen) < _FEWEST:
        return
    for name in _COMPARED:
        feature = FEATURES[name]
        values = np.array([looks[number].statistics[name] for number in seen])
        if np.isnan(values).all():  # such as the level outside of images that the breast fills
            continue
        middle = np.nanmedian(values)
        spread = max(1.4826 * float(np.nanmedian(np.abs(values - middle))), feature.floor)
        for number, distance in zip(seen, (values - middle) / spread, strict=True):
            if abs(distance) > _ODD:
                text = feature.high if distance > 0 else feature.low
                yield number, Suspicion(2, f'beside the rest: {text}')
