"""Nested subsets: the first N annotated images of a seed, patient by patient and stratified."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import Row
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.tables.learning_curve import ALL
from mmseg_mammo.preparation.splits import queue_patients


@dataclass(frozen=True)
class Subset:
    """Images of a count and a seed, whole patients each."""

    rows: tuple[Row, ...]

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the column ``image``."""
        return tuple(row.image for row in self.rows)

    def describe(self) -> dict[str, int]:
        """How many images and patients, and how many of them with a lesion."""
        lesions = sum(row.annotated == 'lesion' for row in self.rows)
        return {
            'images': len(self.rows),
            'patients': len({row.patient_id for row in self.rows}),
            'lesion_images': lesions,
            'normal_images': len(self.rows) - lesions,
        }


def with_masks(rows: Sequence[Row]) -> list[Row]:
    """The rows that a segmentor can learn from: outlined lesions, and normals."""
    return [row for row in rows if row.annotated != 'no' and not is_image_label(vars(row))]


def order_patients(rows: Sequence[Row], seed: int) -> list[str]:
    """Patients in an order of which any beginning holds each stratum in proportion.

    Strata: whether a lesion is outlined, and the views. The first patient has a lesion, without which
    there is nothing to learn.

    Args:
        rows: Annotated.
        seed: Of the order.
    """
    lesions = {row.patient_id for row in rows if row.annotated == 'lesion'}
    views: dict[str, set[str]] = {}
    for row in rows:
        views.setdefault(row.patient_id, set()).add(row.view)
    strata = {
        patient: f'{"lesion" if patient in lesions else "normal"} {"+".join(sorted(seen))}'
        for patient, seen in views.items()
    }
    queue = queue_patients(strata, np.random.default_rng(seed))
    first = next((patient for patient in queue if patient in lesions), None)
    return queue if first is None else [first, *(each for each in queue if each != first)]


def nested_subset(rows: Sequence[Row], count: str, seed: int, unit: str) -> Subset:
    """The images of the first patients of a seed, as many as reach a count.

    Of one seed a smaller count is always a part of a larger one, whatever is trained on it.

    Args:
        rows: The pool, annotated.
        count: A number of images or patients; ``all`` takes the pool.
        seed: Of the order of patients.
        unit: ``images``: patients are added until there are at least so many images; or ``patients``.

    Raises:
        MammoError: The pool is smaller.
    """
    if count == ALL:
        return Subset(tuple(rows))
    wanted, have = int(count), pool_size(rows, unit)
    if wanted > have:
        raise MammoError(f'{count} {unit}: the pool has {have}', f'1 to {have}, or {ALL}')
    chosen: set[str] = set()
    images = 0
    for patient in order_patients(rows, seed):
        if (len(chosen) if unit == 'patients' else images) >= wanted:
            break
        chosen.add(patient)
        images += sum(row.patient_id == patient for row in rows)
    return Subset(tuple(row for row in rows if row.patient_id in chosen))


def pool_size(rows: Sequence[Row], unit: str) -> int:
    """Images or patients of a pool."""
    return len({row.patient_id for row in rows}) if unit == 'patients' else len(rows)
