"""Sides of the split: which patients give images for testing, and how many. Pure."""

import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass
class Patients:
    """How many images of each patient may still be taken, and for what.

    Attributes:
        of: Patient by the key of an image.
        most: Images of a patient.
        sides: Patient -> ``train`` or ``test``, of those that are on one side of the split already.
        before: Of these, the ones that were annotated before the first round.
        kept: Others that are kept for testing, as :func:`kept_for_test` draws them.
    """

    of: Mapping[str, str]
    most: int
    sides: dict[str, str] = field(default_factory=dict)
    before: Collection[str] = ()
    kept: Collection[str] = ()
    counts: Counter[str] = field(default_factory=Counter)

    def room(self) -> dict[str, int]:
        """How many images each of them can give, before any is taken."""
        images = Counter(self.of.values())
        return {patient: min(count, self.most) for patient, count in images.items()}

    def admit(self, key: str, side: str) -> bool:
        """Take an image for ``train`` or ``test``, if its patient may give it.

        Args:
            key: Of the image.
            side: ``train`` or ``test``.
        """
        patient = self.of[key]
        kept = 'test' if patient in self.kept else 'train'
        if self.counts[patient] >= self.most or self.sides.get(patient, kept) != side:
            return False
        self.counts[patient] += 1
        self.sides[patient] = side
        return True

    def keep(self, share: float, wanted: int) -> None:
        """Keep patients for testing, beside those who are on that side; see :func:`kept_for_test`.

        Args:
            share: Of all patients but those of ``before``, so that it is the same in every round.
            wanted: Images for testing.
        """
        room = self.room()
        given = sum(room[one] for one in room if self.sides.get(one) == 'test')
        free = {one: images for one, images in room.items() if one not in self.sides}
        drawn = [side for one, side in self.sides.items() if one not in self.before]
        least = part_for_test(len(free) + len(drawn), share) - drawn.count('test')
        self.kept = kept_for_test(free, max(least, 0), wanted - given)


def part_for_test(count: int, share: float) -> int:
    """How many of ``count`` are for testing: the rounded share, of five or more at least one.

    >>> [part_for_test(count, 0.2) for count in (2, 5, 8, 20)]
    [0, 1, 2, 4]
    """
    return max(round(count * share), int(share > 0 and count >= 5))


def kept_for_test(room: Mapping[str, int], least: int, wanted: int = 0) -> set[str]:
    """Patients who give images for testing alone, whatever the seed.

    A hash of their names puts patients in an order, once. The first of them are kept, in every round those
    that are left of them, and methods never take of them: else those that are left for the tests of later
    rounds would be the ones that no method wanted. Where they have too few images the next ones are kept, too,
    as long as one patient is left to train on.

    Args:
        room: How many images each patient can give, of those that are on no side of the split yet.
        least: How many patients.
        wanted: Images that they are to give.
    """
    order = sorted(room, key=lambda patient: zlib.crc32(f'test {patient}'.encode()))
    while least < len(order) - 1 and sum(room[one] for one in order[:least]) < wanted:
        least += 1
    return set(order[:least])
