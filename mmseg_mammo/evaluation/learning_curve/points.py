"""Points of a learning curve: means over seeds, with intervals over seeds and test patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_mammo.evaluation.bootstrap import FEWEST, Estimate, draws, estimate, seed_of


@dataclass(frozen=True)
class Scores:
    """What the trainings of one count scored, each on the same test patients.

    Attributes:
        images: S numbers of annotated images, one for each seed.
        patients: S numbers of their patients.
        names: P test patients with a lesion, sorted.
        dice: S×P mean lesion Dice of a patient's images, in percent.
        weights: P numbers of those images.
    """

    images: np.ndarray
    patients: np.ndarray
    names: np.ndarray
    dice: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Point:
    """A count of a learning curve.

    Attributes:
        images: Annotated images, mean over seeds.
        patients: Their patients, mean over seeds.
        seeds: Trainings.
        score: Lesion Dice in percent.
    """

    images: float
    patients: float
    seeds: int
    score: Estimate

    def count(self, unit: str) -> float:
        """The place on the axis of a curve over ``images`` or ``patients``."""
        return self.patients if unit == 'patients' else self.images


def point(scores: Scores) -> Point:
    """Mean lesion Dice over seeds and images; see :func:`rounds` for its interval.

    No interval below five test patients.
    """
    seeds = len(scores.dice)
    value = float((scores.dice @ scores.weights).mean() / scores.weights.sum())
    patients = len(scores.names)
    drawn = rounds(scores) if patients >= FEWEST else np.empty(0)
    return Point(
        float(scores.images.mean()),
        float(scores.patients.mean()),
        seeds,
        estimate(value, drawn, patients),
    )


def rounds(scores: Scores) -> np.ndarray:
    """The mean of each round of a bootstrap that draws test patients and seeds.

    Patients and seeds are drawn alike for every count and every tuning, so that differences are
    paired. A bootstrap of S seeds has (S − 1) / S of their variance: their part is widened by as much.
    """
    drawn = draws(len(scores.names), seed_of(scores.names))
    total = drawn @ scores.weights
    each = drawn @ (scores.dice * scores.weights).T / total[:, None]  # rounds × seeds
    seeds = each.shape[1]
    middle = each.mean(axis=1)
    if seeds == 1:
        return middle
    generator = np.random.default_rng(seeds)
    chosen = generator.integers(0, seeds, each.shape)
    moved = np.take_along_axis(each, chosen, axis=1).mean(axis=1) - middle
    return middle + moved * np.sqrt(seeds / (seeds - 1))


def rising(points: Sequence[Point]) -> list[Point]:
    """The points above 0 images, by their number."""
    return sorted((each for each in points if each.images > 0), key=lambda each: each.images)
