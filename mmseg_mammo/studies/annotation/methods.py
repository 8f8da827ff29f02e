"""Methods of choice: in which order images would be annotated. Pure.

``entropy`` follows the idea of ClaSP PE (Lüth et al., *Finally Outshining the Random Baseline*, TMLR
2026, https://openreview.net/forum?id=UamXueEaYW): predictive entropy, two thirds of the choice among
images of the rare class, and noise on the scores that falls from round to round, so that early choices
are not all alike. The random baseline has the same two thirds, else a gain over it would be an artefact
of the class alone (nnActive, https://openreview.net/forum?id=AJAnmRLJjJ).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.annotation.seen import Seen

METHODS = ('random', 'entropy', 'clusters')
LESION_SHARE = 0.66  # of the choice: images on which the model marks something
_SHARPNESS = 2.0  # of the scores in the first round, in powers; it doubles with each


@dataclass(frozen=True)
class Proposal:
    """An image that a method would take.

    Attributes:
        place: In the sequence of images.
        why: In words, for the annotator.
        score: By which it was taken; None of a random one.
    """

    place: int
    why: str
    score: float | None = None


Propose = Callable[[Sequence[Seen], int, int, np.random.Generator], list[list[Proposal]]]


def stratified(
    seen: Sequence[Seen], count: int, number: int, rng: np.random.Generator
) -> list[list[Proposal]]:
    """Stratified random: by predicted lesion, and within that in proportion over sides and views.

    Args:
        seen: The images.
        count: How many will be taken.
        number: Of the round, from 1; of no account here.
        rng: Source of chance.

    Returns:
        Queues of all images, of which :func:`.take` takes in turn; see :func:`quotas`.
    """
    queues = []
    for lesion, word in ((True, 'something'), (False, 'nothing')):
        places = [place for place, one in enumerate(seen) if one.lesion == lesion]
        order = _in_proportion([seen[place].stratum for place in places], rng)
        chosen = (places[index] for index in order)
        queues.append([Proposal(p, f'random: {word} marked; {seen[p].stratum}') for p in chosen])
    return queues


def uncertain(
    seen: Sequence[Seen], count: int, number: int, rng: np.random.Generator
) -> list[list[Proposal]]:
    """Most uncertain first, with noise that falls with the rounds; arguments as of :func:`stratified`.

    The scores are drawn as powers of the entropy: an image comes first with a chance in proportion to
    its entropy to the power 2 in the first round, 4 in the second, 8, …; equal to the logarithm of the
    entropy with noise of Gumbel's distribution of half the width each time.

    Returns:
        Two queues: the images on which the model marks something, and all images.
    """
    sharpness = _SHARPNESS * 2.0 ** (number - 1)
    entropies = np.array([one.entropy for one in seen])
    noisy = np.log(np.maximum(entropies, 1e-9)) + rng.gumbel(size=len(seen)) / sharpness
    order = [int(place) for place in np.argsort(-noisy, kind='stable')]
    words = {True: 'something marked', False: 'nothing marked'}
    queue = [
        Proposal(p, f'uncertain: {words[seen[p].lesion]}', round(seen[p].entropy, 6)) for p in order
    ]
    return [[one for one in queue if seen[one.place].lesion], queue]


def clustered(
    seen: Sequence[Seen],
    count: int,
    number: int,
    rng: np.random.Generator,
    covered: Sequence[Sequence[float]] = (),
) -> list[list[Proposal]]:
    """The middle of each cluster of features; arguments as of :func:`stratified`.

    K-means makes more clusters where there are more images, so that one image of each is in proportion.
    Clusters that hold an image which is annotated already come last.

    Args:
        seen: The images.
        count: How many will be taken.
        number: Of the round, of no account here.
        rng: Source of chance.
        covered: Features of images that are annotated already.

    Returns:
        One queue: the image nearest to the middle of each cluster, largest clusters first, then the
        second nearest of each, and so on.

    Raises:
        MammoError: The model does not tell features.
    """
    if not all(one.features for one in seen):
        raise MammoError(
            'The model tells no features to make clusters of',
            'a model with an encoder, which is not exported and does not see an image in windows',
            'Take --method random',
        )
    points = np.array([one.features for one in seen])
    known = np.array([*covered]).reshape(-1, points.shape[1])
    labels, centres, taken = _clusters(points, known, min(count + len(known), len(points)), rng)
    distances = np.linalg.norm(points - centres[labels], axis=1)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place in np.argsort(distances, kind='stable'):
        members[int(labels[place])].append(int(place))
    largest = sorted(members, key=lambda c: (c in taken, -len(members[c]), c))
    queue = []
    for rank in range(max(map(len, members.values()), default=0)):
        for cluster in largest:
            if rank < len(members[cluster]):
                place = members[cluster][rank]
                why = (
                    f'cluster of {len(members[cluster])} images, number {rank + 1} from its middle'
                )
                queue.append(Proposal(place, why, round(float(distances[place]), 6)))
    return [queue]


def _clusters(
    points: np.ndarray, known: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, set[int]]:
    """The cluster of each point, the centres, and the clusters that hold one of ``known``."""
    from sklearn.cluster import KMeans  # takes seconds to import

    if not len(points):
        return np.zeros(0, int), points, set()
    every = np.vstack([points, known])
    distinct = len(np.unique(every, axis=0))
    seed = int(rng.integers(2**31))
    found = KMeans(min(count, distinct), n_init=10, random_state=seed).fit(every)
    labels = found.labels_[: len(points)]
    return labels, found.cluster_centers_, set(map(int, found.labels_[len(points) :]))


def quotas(method: str, count: int) -> list[int]:
    """How many images are to come from each queue of a method.

    Args:
        method: Of :data:`METHODS`.
        count: Of all.

    >>> quotas('entropy', 20), quotas('clusters', 20)
    ([13, 7], [20])
    """
    if method == 'clusters':
        return [count]
    lesions = math.floor(count * LESION_SHARE + 0.5)
    return [lesions, count - lesions]


def _in_proportion(strata: Sequence[str], rng: np.random.Generator) -> list[int]:
    """A random order, of which every beginning holds the strata nearly in proportion."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(strata):
        by_name[name].append(index)
    moments = [*_moments([by_name[name] for name in sorted(by_name)], rng)]
    return [index for _, index in sorted(moments)]


def _moments(groups: Sequence[list[int]], rng: np.random.Generator) -> Iterator[tuple[float, int]]:
    for group in groups:
        start = rng.random()
        for rank, index in enumerate(rng.permutation(group)):
            yield (rank + start) / len(group), int(index)
