"""Control: the threshold that keeps a promise, from the losses of calibration images.

On average (Angelopoulos et al., Conformal Risk Control, ICLR 2024): with losses of n patients between
0 and B the mean loss of a new one stays within α if (n · mean + B) / (n + 1) does. With a confidence
(Angelopoulos et al., Learn then Test, 2021): thresholds are tested one after the other from the
safest on, until the p-value of Hoeffding and Bentkus is above 1 − confidence. Both are exact for n
whatever the losses are distributed like, if patients are exchangeable: drawn alike, with the new one.

MAPIE computes the bound, the p-values and the sequence of tests. Its own way to a confidence, the bound of
Waudby-Smith and Ramdas, is not used: MAPIE 1.6 adds the highest capital of two halves of the images,
for which Ville's inequality gives no level (of 1,600 simulated sets of yes and no, 6.3 % broke a promise
that 5 % may break).
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.conformal.promise import UNITS, Promise


@dataclass(frozen=True)
class Controlled:
    """The threshold of a promise.

    Attributes:
        promise: What it keeps.
        place: Index of the threshold among those of the promise.
        threshold: Marked is what exceeds it.
        patients: Whose images it is from.
        images: Their number.
        mean: Mean loss of these patients at it.
        bound: What is known of a new one: the bound of the mean loss, or the p-value of its being
            too large.
    """

    promise: Promise
    place: int
    threshold: float
    patients: int
    images: int
    mean: float
    bound: float

    def as_facts(self) -> dict[str, Any]:
        """What ``operating_point.json`` keeps of it."""
        by, value = f'by MAPIE {version("mapie")}', self.promise.value
        on_average = self.promise.confidence is None
        facts = {
            'confidence': self.promise.confidence,
            'method': f'{"conformal risk control" if on_average else "Learn then Test"} {by}',
            'images': self.images,
            'patients': self.patients,
            'measured': value(self.mean),
        }
        return facts | ({'bound': value(self.bound)} if on_average else {'p_value': self.bound})


def by_patient(losses: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Mean losses of each patient, P×G of N×G: images of one patient are not exchangeable alone.

    >>> by_patient(np.array([[0.0], [1.0], [1.0]]), np.array(['a', 'a', 'b'])).tolist()
    [[0.5], [1.0]]
    """
    order = np.argsort(patients, kind='stable')
    _, starts, counts = np.unique(patients[order], return_index=True, return_counts=True)
    return np.add.reduceat(losses[order], starts) / counts[:, None]


def check_patients(promise: Promise, count: int) -> None:
    """Refuse a promise that so few patients cannot give.

    Args:
        promise: What is promised.
        count: Patients with images that it is about.

    Raises:
        MammoError: They are fewer than :meth:`.Promise.fewest`.
    """
    if count < promise.fewest():
        raise MammoError(
            f'promise {promise} with {count} patients that have {UNITS[promise.kind]}',
            f'{promise.fewest()} or more, and that only if the model makes no error on any',
            'Annotate more, or promise less',
        )


def control(promise: Promise, losses: np.ndarray, patients: np.ndarray) -> Controlled:
    """The threshold that keeps a promise: of recalls the highest, of false marks the lowest one.

    Args:
        promise: What is promised.
        losses: N×G, at the G thresholds of the promise; rows of NaN are of images that it is not
            about.
        patients: N texts.

    Raises:
        MammoError: There are too few patients, or the model is not good enough.
    """
    counted = ~np.isnan(losses[:, 0])
    own = by_patient(losses[counted], patients[counted]) / promise.most
    check_patients(promise, len(own))
    bounds = _bounds(promise, own)
    limit = promise.risk if promise.confidence is None else 1 - promise.confidence
    place = _choose(promise, bounds, limit)
    if place is None:
        raise MammoError(
            f'promise {promise}: no threshold keeps it on {len(own)} patients',
            _best(promise, own),
            'Promise less, calibrate on more patients, or train a better model',
        )
    return Controlled(
        promise=promise,
        place=place,
        threshold=float(promise.thresholds[place]),
        patients=len(own),
        images=int(counted.sum()),
        mean=float(own[:, place].mean()) * promise.most,
        bound=float(bounds[place]) * (promise.most if promise.confidence is None else 1),
    )


def _bounds(promise: Promise, losses: np.ndarray) -> np.ndarray:
    """G bounds of the mean loss, or p-values of its being above the limit."""
    methods = _mapie('methods')
    if promise.confidence is None:
        _, bounds = methods.get_r_hat_plus(losses, promise.thresholds, 'crc', None, None, None)
        return bounds
    binary = bool(np.isin(losses, (0, 1)).all())
    risk = np.array([promise.risk])
    return methods.compute_hoeffding_bentkus_p_value(
        losses.mean(axis=0), len(losses), risk, binary
    )[:, 0]


def _choose(promise: Promise, bounds: np.ndarray, limit: float) -> int | None:
    """The last place from the safe end on whose bounds, and all before, are within the limit."""
    safest = bounds if promise.of_lesions else bounds[::-1]
    if promise.confidence is None:
        # Not MAPIE's choice: where no threshold makes a difference, it takes the lowest.
        steps = int(np.logical_and.accumulate(safest < limit).sum())
    else:
        steps = len(_mapie('fwer_control').control_fwer(safest, limit, 'fixed_sequence'))
    if not steps:
        return None
    return steps - 1 if promise.of_lesions else len(bounds) - steps


def _best(promise: Promise, losses: np.ndarray) -> str:
    """What the safest threshold could promise."""
    mean = float(losses[:, 0 if promise.of_lesions else -1].mean()) * promise.most
    return f'at its safest threshold the model measures {promise.value(mean):.3g} on them'


def _mapie(module: str) -> Any:
    try:
        return import_module(f'mapie.risk_control.{module}')  # a second: nothing else waits for it
    except ImportError as error:
        raise MammoError(
            '--promise needs MAPIE, which is not installed', remedy="pip install 'mapie>=1.6,<1.7'"
        ) from error
