"""Choice of the images to annotate next: a method, a random share for testing, and patients. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.annotation.methods import (
    METHODS,
    Proposal,
    Propose,
    clustered,
    quotas,
    stratified,
    uncertain,
)
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.annotation.sides import Patients, part_for_test


@dataclass(frozen=True)
class Settings:
    """How images are chosen.

    Attributes:
        method: Of :data:`.METHODS`.
        count: Images.
        per_patient: At most so many of a patient.
        random_share: Share of ``count`` that is plain random, and for testing.
        number: Of the round, from 1.
        seed: Of all chance.

    Raises:
        MammoError: One of them means nothing.
    """

    method: str = 'random'
    count: int = 20
    per_patient: int = 2
    random_share: float = 0.2
    number: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if self.method not in METHODS:
            raise MammoError(f'--method {self.method}', ', '.join(METHODS))
        if not 0 <= self.random_share <= 1:
            raise MammoError(f'--random-share {self.random_share:g}', 'a share from 0 to 1')
        for name, value in (
            ('count', self.count),
            ('per-patient', self.per_patient),
            ('round', self.number),
        ):
            if value < 1:
                raise MammoError(f'--{name} {value}', 'a number from 1 on')


@dataclass(frozen=True)
class Choice:
    """An image that was chosen.

    Attributes:
        seen: The image.
        why: In words.
        score: Of the method; None of a random one.
        for_test: Whether it belongs to the test set.
    """

    seen: Seen
    why: str
    score: float | None
    for_test: bool


def choose(
    seen: Sequence[Seen],
    settings: Settings,
    patient_of: Callable[[str], str],
    sides: Mapping[str, str] | None = None,
    covered: Sequence[Sequence[float]] = (),
    before: Collection[str] = (),
) -> list[Choice]:
    """Choose images: first the plain random ones for testing, then those of the method.

    No patient gives images to both: a patient of the test set is never trained on. Who is for testing
    does not depend on the method (:func:`.kept_for_test`).

    Args:
        seen: The images that may be chosen.
        settings: How.
        patient_of: The patient of an image by its key.
        sides: Patient -> ``train`` or ``test``, where one has images that are annotated already.
        covered: Features of images that are annotated already, for ``clusters``.
        before: Of ``sides``, the patients that no earlier round had to choose from.

    Returns:
        Those for testing, then the others, each in the order in which it was taken; fewer than asked for
        where patients give no more.
    """
    rng = np.random.default_rng([settings.seed, settings.number])
    owners = {one.key: patient_of(one.key) for one in seen}
    patients = Patients(owners, settings.per_patient, dict(sides or {}), before)
    total = min(settings.count, sum(patients.room().values()))
    wanted = part_for_test(total, settings.random_share)
    patients.keep(settings.random_share, wanted)
    order = [
        Proposal(int(place), 'plain random, for testing') for place in rng.permutation(len(seen))
    ]
    for_test = take(seen, [order], [wanted], patients, 'test')
    known = {choice.seen.key for choice in for_test}
    rest = [one for one in seen if one.key not in known]
    count = total - wanted  # also where patients give fewer for testing
    methods: dict[str, Propose] = {
        'random': stratified,
        'entropy': uncertain,
        'clusters': partial(clustered, covered=covered),
    }
    queues = methods[settings.method](rest, count, settings.number, rng) if count and rest else []
    others = take(rest, queues, quotas(settings.method, count), patients, 'train')
    # Where nobody is left to train on, those for testing give more, up to their share of the count.
    more = part_for_test(settings.count, settings.random_share) - len(for_test)
    left = [one for one in order if seen[one.place].key not in known]
    for_test += take(seen, [left], [min(more, count - len(others))], patients, 'test')
    return for_test + others


def take(
    seen: Sequence[Seen],
    queues: Sequence[Sequence[Proposal]],
    wanted: Sequence[int],
    patients: Patients,
    side: str,
) -> list[Choice]:
    """Take images from queues; what one cannot give the others give.

    Args:
        seen: The images.
        queues: Proposals in order; an image may be in several.
        wanted: From each queue.
        patients: Which images may be taken; it remembers those that were.
        side: ``train`` or ``test``.
    """
    taken: dict[int, Choice] = {}

    def draw(queue: Sequence[Proposal], most: int) -> None:
        before = len(taken)
        for one in queue:
            if len(taken) - before >= most:
                return
            if one.place not in taken and patients.admit(seen[one.place].key, side):
                taken[one.place] = Choice(seen[one.place], one.why, one.score, side == 'test')

    for queue, most in zip(queues, wanted, strict=False):
        draw(queue, most)
    for queue in queues:
        draw(queue, sum(wanted) - len(taken))
    return [*taken.values()]
