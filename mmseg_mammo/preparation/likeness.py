"""Likeness: how far a mammogram is from those that a model was trained on, in a number and a word."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from mmseg_mammo.preparation.network_likeness import NetworkReference, network_reference_of

LIKE, UNUSUAL, UNLIKE = 'like', 'unusual', 'unlike'
USUAL_SHARE = 0.05  # of the training images, that are unusual among themselves
_WIDENED = 1.5  # times the distance that 95 % of the training images keep; beyond it is unlike
_QUANTILES_ONLY = (1.25, 2.0)  # distances that stand for both where single images are not known
_FEWEST = 10  # training images, below which nothing is said
_NAMED = 3  # reasons, the strongest first


class Feature(NamedTuple):
    """A number of an image that is compared.

    Attributes:
        floor: A difference that nobody sees. Training images that agree more closely do not make
            the limit narrower.
        low: What is said of an image with less than the training images have.
        high: Likewise of more.
    """

    floor: float
    low: str
    high: str


FEATURES = {
    'aspect': Feature(0.05, 'the image is wide', 'the image is tall'),
    'breast': Feature(0.05, 'the breast is small', 'the breast is large'),
    'off_centre': Feature(
        0.05, 'the breast lies in the middle', 'the breast lies close to the edge'
    ),
    'facing': Feature(0.1, 'mirrored for its laterality', 'mirrored for its laterality'),
    'level_5': Feature(4, 'dark tissue is darker', 'dark tissue is brighter'),
    'level_50': Feature(8, 'tissue is dark', 'tissue is bright'),
    'level_95': Feature(8, 'bright tissue is darker', 'bright tissue is brighter'),
    'outside': Feature(4, 'outside is dark', 'outside is bright'),
    'detail': Feature(0.5, 'little fine structure', 'much fine structure'),
}


@dataclass(frozen=True)
class Likeness:
    """How an image compares with the training images.

    Attributes:
        share: Of the training images that are as far out as it, more than 0 and at most 1; None
            where single training images are not known.
        word: :data:`LIKE`, :data:`UNUSUAL` or :data:`UNLIKE`.
        reasons: What is odd about it, the strongest first; none of an image that is like.
        network: See :meth:`.NetworkReference.share`; it is no part of the word. None is unknown.
    """

    share: float | None
    word: str
    reasons: tuple[str, ...] = ()
    network: float | None = None

    @property
    def why(self) -> str:
        """The word, and the reasons behind it: ``unlike: outside is bright``."""
        return f'{self.word}: {", ".join(self.reasons)}' if self.reasons else self.word


class Reference:
    """What images are compared with.

    The distance of an image is that of its oddest feature from the median of the training images,
    in units of the distance from the median to their 1st or 99th percentile. Each training image has
    such a distance from the others, and these say what is usual: *unusual* is an image that is
    farther out than 95 % of them, *unlike* one that is 1.5 times as far.

    Attributes:
        network: Features of training images in the network; None where they are not known.

    Args:
        names: F features of :data:`FEATURES`.
        ends: 3×F: their 1st percentiles, medians and 99th percentiles.
        distances: Those of N training images from the others; None where they are not known.
    """

    def __init__(
        self,
        names: Sequence[str],
        ends: np.ndarray,
        distances: np.ndarray | None = None,
    ) -> None:
        self.names, self.distances = tuple(names), distances
        self._ends = ends
        self.network: NetworkReference | None = None
        if distances is None:
            self.unusual, self.unlike = _QUANTILES_ONLY
        else:
            self.unusual = float(np.quantile(distances, 1 - USUAL_SHARE))
            self.unlike = _WIDENED * self.unusual

    def judge(
        self, image: Mapping[str, float], laterality: str = '', vector: np.ndarray | None = None
    ) -> Likeness:
        """Compare an image.

        Args:
            image: Of :func:`.image_statistics`.
            laterality: LEFT, RIGHT, or '' for unknown: then the side of the breast says nothing.
            vector: Its features in the network, D numbers; None is unknown.
        """
        found = self._judge(image, laterality)
        if vector is None or self.network is None:
            return found
        return replace(found, network=self.network.share(vector))

    def _judge(self, image: Mapping[str, float], laterality: str) -> Likeness:
        found = features_of(image, laterality)
        values = np.array([found[name] for name in self.names])
        parts = _deviations(values, self._ends, self.names)
        distance = float(parts.max())
        share = None
        if self.distances is not None:
            beyond = int((self.distances >= distance).sum())
            share = (1 + beyond) / (1 + len(self.distances))  # never 0: it may be the next one
        if distance <= self.unusual:
            return Likeness(share, LIKE)
        odd = [i for i in np.argsort(-parts, kind='stable') if parts[i] > self.unusual]
        middle = self._ends[1]
        reasons = dict.fromkeys(
            getattr(FEATURES[self.names[i]], 'high' if values[i] > middle[i] else 'low')
            for i in odd[:_NAMED]
        )
        return Likeness(share, UNLIKE if distance > self.unlike else UNUSUAL, tuple(reasons))


def features_of(image: Mapping[str, float], laterality: str = '') -> dict[str, float]:
    """The numbers of an image that are compared, by their names in :data:`FEATURES`.

    Args:
        image: Of :func:`.image_statistics`.
        laterality: LEFT, RIGHT or ''.
    """
    sign = {'LEFT': -1.0, 'RIGHT': 1.0}.get(laterality, float('nan'))
    derived = {'off_centre': abs(image['side']), 'facing': sign * image['side']}
    return {name: derived.get(name, image.get(name, float('nan'))) for name in FEATURES}


def to_record(images: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Features of N training images as JSON values, in an order that tells nothing of the data.

    Args:
        images: Of :func:`features_of`.
    """
    rows = [[float(f'{image[name]:.4g}') for name in FEATURES] for image in images]
    return {'names': list(FEATURES), 'values': sorted(rows)}


def reference_of(images: Mapping[str, Any]) -> Reference | None:
    """What the record of a checkpoint tells to compare with.

    Args:
        images: ``images`` of the record. One of an earlier version has quantiles alone: then no
            share is known, and fewer features are.

    Returns:
        None where it tells nothing, or of fewer than ten images.
    """
    if images.get('count', 0) < _FEWEST:
        return None
    if 'features' not in images:
        return _from_quantiles(images)
    known = [name for name in images['features']['names'] if name in FEATURES]
    columns = [images['features']['names'].index(name) for name in known]
    found = reference_from(known, np.array(images['features']['values'], float)[:, columns])
    if found is not None:
        found.network = network_reference_of(images)
    return found


def reference_from(names: Sequence[str], values: np.ndarray) -> Reference | None:
    """Compare with N images whose features are known.

    Args:
        names: F of :data:`FEATURES`.
        values: N×F, NaN where unknown. A feature that fewer than ten images have is left out.
    """
    kept = (~np.isnan(values)).sum(axis=0) >= _FEWEST
    names, values = [n for n, k in zip(names, kept, strict=True) if k], values[:, kept]
    if not names:
        return None
    distances = [
        _deviations(values[i], _ends(np.delete(values, i, axis=0)), names).max()
        for i in range(len(values))
    ]
    return Reference(names, _ends(values), np.sort(distances))


def _from_quantiles(images: Mapping[str, Any]) -> Reference | None:
    found = {name: images['quantiles'].get(name) for name in FEATURES}
    names = [name for name, quantiles in found.items() if quantiles]
    places = [list(images['percent']).index(percent) for percent in (1, 50, 99)]
    ends = np.array([[found[name][place] for name in names] for place in places])  # type: ignore[index]
    return Reference(names, ends) if names else None


def _ends(values: np.ndarray) -> np.ndarray:
    """3×F: 1st, 50th and 99th percentile."""
    return np.nanpercentile(values, (1, 50, 99), axis=0)


def _deviations(values: np.ndarray, ends: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Of each feature the distance from the median: 1 at the percentile; 0 where it is unknown."""
    low, middle, high = ends
    floor = np.array([FEATURES[name].floor for name in names])
    above = (values - middle) / np.maximum(high - middle, floor)
    below = (middle - values) / np.maximum(middle - low, floor)
    return np.nan_to_num(np.maximum(above, below), nan=0.0)
