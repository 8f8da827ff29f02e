"""Settings of a two-stage model: which places are candidates, which crops are cut, which are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from mmseg_mammo.errors import MammoError

Settings = TypeVar('Settings')


@dataclass(frozen=True)
class CandidateRule:
    """Which peaks of the finder's map are candidates.

    Attributes:
        count: The most of an image.
        min_score: Smoothed probability that a peak has at least, 0 to 1. It is low on purpose: a map
            is sure of one place, and lesions that it misses are often among its faint peaks.
        distance: That two peaks are apart at least, as a share of the image's long side.
    """

    count: int = 5
    min_score: float = 1e-4
    distance: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _check_count('candidates.count', self.count)
        _check_share('candidates.min_score', self.min_score)
        _check_share('candidates.distance', self.distance)


@dataclass(frozen=True)
class CropRule:
    """Which crop is cut around a candidate.

    Attributes:
        share: Its side, as a share of the image's long side.
        mm: Its side in millimetres, where the spacing is known; else ``share``. None: ``share``.
        factor: It is at least so many times as wide as the finder's region at the peak; None: the
            region does not count.
        size: (height, width) of the refiner's input in pixels, before its preprocessor pads it.
        batch: Crops that the refiner sees at once.
    """

    share: float = 0.28
    mm: float | None = None
    factor: float | None = None
    size: tuple[int, int] = (128, 128)
    batch: int = 16

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ('share', 'mm', 'factor'):
            value = getattr(self, name)
            if value is None and name != 'share':
                continue
            if not isinstance(value, (int, float)) or not value > 0:
                raise MammoError(f'crop.{name}={value}', 'a number above 0')
        pair = isinstance(self.size, (tuple, list)) and len(self.size) == 2
        if not pair or min(self.size) < 1:
            raise MammoError(f'crop.size={self.size}', '(height, width) in pixels')
        _check_count('crop.batch', self.batch)


@dataclass(frozen=True)
class KeepRule:
    """Which candidates make the mask.

    Attributes:
        count: The most of an image, best first.
        min_score: That a candidate has at least, 0 to 1.
        threshold: Probability above which a pixel is lesion, where ``test_output`` has none; None for
            one half.
    """

    count: int = 1
    min_score: float = 0.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _check_count('keep.count', self.count)
        _check_share('keep.min_score', self.min_score)
        if self.threshold is not None:
            _check_share('keep.threshold', self.threshold)


def read_settings(kind: type[Settings], place: str, settings: Mapping[str, Any] | None) -> Settings:
    """The settings of a config.

    Args:
        kind: What they are.
        place: Their name in the config, for errors.
        settings: None for the defaults.

    Raises:
        MammoError: One of them does not exist, or its value means nothing.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    unknown = sorted(set(settings or {}) - set(known))
    if unknown:
        raise MammoError(f'{place}.{unknown[0]}: no such setting', ', '.join(known))
    return kind(**(settings or {}))


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise MammoError(f'{name}={value!r}', 'a whole number from 1 on')


def _check_share(name: str, value: Any) -> None:
    if not 0 <= value <= 1:
        raise MammoError(f'{name}={value}', 'a number from 0 to 1')
