"""Cuts: what cutting held-out images at each of many thresholds comes to, and the one that is chosen.

Shape shorthand: N images, C cuts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AtCuts:
    """Held-out images at each of the cuts, which rise.

    Attributes:
        dice: N×C, 0 to 1; of a normal image whether nothing is marked.
        false_marks: N×C numbers.
        lesion: N bool, whether there is a lesion.
        patients: N texts.
        folds: N numbers.
    """

    dice: np.ndarray
    false_marks: np.ndarray
    lesion: np.ndarray
    patients: np.ndarray
    folds: np.ndarray

    def of(self, images: np.ndarray) -> 'AtCuts':
        """Some of the images, N bool."""
        return AtCuts(*(values[images] for values in vars(self).values()))

    def at(self, place: int) -> np.ndarray:
        """2×N: Dice and false marks at a cut."""
        return np.stack([self.dice[:, place], self.false_marks[:, place]])

    def place(self, fixed: int | None, default: int) -> int:
        """The place of the cut that these images choose.

        Args:
            fixed: Taken in its stead; None: they choose.
            default: Where no cut finds a lesion of theirs, and they would choose to mark nothing at all.
        """
        if fixed is not None:
            return fixed
        return self.best() if self.dice[self.lesion].any() else default

    def best(self) -> int:
        """The place of a cut of nearly the best Dice and nearly the fewest false marks.

        The best cut has the highest mean over all images. Only cuts count at which images with a
        lesion keep half of their best mean Dice: where most images are normal, to mark nothing at all
        would be best. Near it are cuts whose lesion Dice is lower by one standard error over patients
        or less (Breiman et al. 1984, CART, 3.4.3; Hastie et al., ESL, 7.10). Of these, cuts count whose
        false marks an image are within one standard error of the fewest, and the best mean is taken.
        A cut has the false marks of the worst cut from it upwards: low ones have few where marks flow
        together.
        """
        own = self.dice[self.lesion]
        means, lesion_dice = self.dice.mean(axis=0), own.mean(axis=0)
        counts = lesion_dice >= lesion_dice.max() / 2
        top = best_place(np.where(counts, means, -1.0))
        error = standard_error(own[:, top], self.patients[self.lesion])
        near = counts & (lesion_dice >= lesion_dice[top] - error)
        marks = np.maximum.accumulate(self.false_marks.mean(axis=0)[::-1])[::-1]
        fewest = best_place(np.where(near & (marks == marks[near].min()), means, -1.0))
        few = marks <= marks[fewest] + standard_error(self.false_marks[:, fewest], self.patients)
        return best_place(np.where(near & few, means, -1.0))

    def crossed(self, fixed: int | None, default: int) -> np.ndarray:
        """2×N: Dice and false marks of each image at the cut of the other folds; see :meth:`place`."""
        found = np.empty((2, len(self.folds)))
        for own, others in turns(self.folds):
            found[:, own] = self.of(own).at(self.of(others).place(fixed, default))
        return found


def turns(folds: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The images of each fold, and those of the others; of a single one the same."""
    for fold in np.unique(folds):
        own = folds == fold
        yield own, ~own if (~own).any() else own


def standard_error(values: np.ndarray, patients: np.ndarray) -> float:
    """The standard error of a mean of N values over patients; 0 of a single one.

    Images of one patient are taken together: the errors of a mean of clusters.

    >>> round(standard_error(np.array([0.0, 0.0, 1.0, 1.0]), np.array(['a', 'a', 'b', 'b'])), 3)
    0.5
    """
    _, own = np.unique(patients, return_inverse=True)
    count = int(own.max()) + 1
    if count < 2:
        return 0.0
    sums = np.bincount(own, values - values.mean())
    return float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(values))


def best_place(curve: np.ndarray) -> int:
    """The place of the highest value; of a plateau its middle.

    >>> best_place(np.array([0.1, 0.3, 0.3, 0.3, 0.2]))
    2
    """
    top = int(curve.argmax())
    level = curve[top] - 1e-9
    end = top
    while end + 1 < len(curve) and curve[end + 1] >= level:
        end += 1
    return (top + end) // 2
