"""Splits: assigns patients to splits in proportion to their strata."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import Row


def split_patients(
    strata: Mapping[str, str], fractions: Mapping[str, float], rng: np.random.Generator
) -> dict[str, str]:
    """Choose patients for other splits, each stratum in proportion.

    Args:
        strata: Patient -> stratum (for example the abnormality).
        fractions: Split -> fraction of all patients; each above 0 gets at least one patient.
        rng: Source of the choice.

    Returns:
        Patient -> split, for the chosen ones only.

    Raises:
        MammoError: A fraction is outside [0, 1), or nobody would be left.
    """
    if any(not 0 <= value < 1 for value in fractions.values()) or sum(fractions.values()) >= 1:
        raise MammoError(f'Split fractions {dict(fractions)}', 'each in [0, 1), sum below 1')
    queue = queue_patients(strata, rng)
    chosen: dict[str, str] = {}
    for split, fraction in fractions.items():
        count = max(1, round(fraction * len(queue))) if fraction > 0 else 0
        chosen.update(dict.fromkeys(queue[len(chosen) :][:count], split))
    if strata and len(chosen) >= len(strata):
        raise MammoError(
            f'{len(strata)} patients are too few for the fractions {dict(fractions)}',
            remedy='Prepare more patients, or leave the fractions at 0',
        )
    return chosen


def queue_patients(strata: Mapping[str, str], rng: np.random.Generator) -> list[str]:
    """Patients in a random order of which any beginning holds every stratum in proportion.

    Args:
        strata: Patient -> stratum.
        rng: Source of the order.
    """
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for patient in sorted(strata):
        groups[strata[patient]].append(patient)
    # A patient's place in the queue of its stratum, in (0, 1).
    queue = []
    for _, patients in sorted(groups.items()):
        for place, index in enumerate(rng.permutation(len(patients))):
            queue.append(((place + rng.random()) / len(patients), patients[index]))
    return [patient for _, patient in sorted(queue)]


def carve_splits(
    rows: Sequence[Row], fractions: Mapping[str, float], rng: np.random.Generator
) -> list[Row]:
    """Move patients from ``train`` to other splits, those with lesions in proportion."""
    with_lesion = {row.patient_id for row in rows if row.annotated == 'lesion'}
    strata = {r.patient_id: str(r.patient_id in with_lesion) for r in rows if r.split == 'train'}
    chosen = split_patients(strata, fractions, rng)
    return [replace(row, split=chosen.get(row.patient_id, row.split)) for row in rows]
