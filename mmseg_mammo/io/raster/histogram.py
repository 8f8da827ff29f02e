"""Histogram of grey levels: percentiles without sorting the pixels. Pure functions."""

import numpy as np


def percentile(image: np.ndarray, share: float) -> np.float64:
    """``np.percentile`` of grey levels, to the last bit, by counting levels instead of sorting pixels.

    Args:
        image: Any shape, uint8 or uint16.
        share: 0 to 100.

    Raises:
        ValueError: Another share.
    """
    if not 0 <= share <= 100:
        raise ValueError(f'percentile {share}: allowed are 0 to 100')
    below = np.cumsum(np.bincount(image.ravel()))
    place = (image.size - 1) * (share / 100)
    rank = int(place)
    low, high = (
        int(np.searchsorted(below, min(each, image.size - 1), side='right'))
        for each in (rank, rank + 1)
    )
    part = place - rank
    step = high - low
    return np.float64(high - step * (1 - part) if part >= 0.5 else low + step * part)
