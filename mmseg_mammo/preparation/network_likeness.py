"""Network likeness: how far an image is from the training images in the features of the network."""

from collections.abc import Mapping
from typing import Any

import numpy as np

NETWORK = 'network'  # in `images` of a record
_NEAREST = 3
_FEWEST = 10  # training images, below which nothing is said


class NetworkReference:
    """Training images whose features in the network are known.

    The distance of an image is the mean of those from the three nearest of them. Each of them has
    such a distance from the others.

    Args:
        vectors: M×D, M at least 4.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        others = [np.delete(vectors, i, axis=0) for i in range(len(vectors))]
        pairs = zip(others, vectors, strict=True)
        self.distances = np.array([_from_nearest(*pair) for pair in pairs])

    def share(self, vector: np.ndarray) -> float:
        """Share of the training images that are as far out as an image, more than 0 and at most 1.

        Args:
            vector: Its features, D numbers.
        """
        beyond = int((self.distances >= _from_nearest(self._vectors, vector)).sum())
        return (1 + beyond) / (1 + len(self.distances))  # never 0: it may be the next one


def network_reference_of(images: Mapping[str, Any]) -> NetworkReference | None:
    """What the record of a checkpoint tells to compare with.

    Args:
        images: ``images`` of the record.

    Returns:
        None where it tells nothing, as of an earlier version, or of fewer than ten images.
    """
    vectors = np.array(images.get(NETWORK) or [], float)
    vectors = vectors[np.isfinite(vectors).all(axis=-1)]
    return NetworkReference(vectors) if len(vectors) >= _FEWEST else None


def _from_nearest(vectors: np.ndarray, vector: np.ndarray) -> float:
    return float(np.sort(np.linalg.norm(vectors - vector, axis=1))[:_NEAREST].mean())
