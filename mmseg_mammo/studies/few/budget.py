"""Budget: minutes of a search that goes on with what is left of them, however often it is interrupted."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_mammo.engine.steps.journal import Journal, tell
from mmseg_mammo.errors import MammoError

DEFAULT = 60.0  # minutes
FINAL = 'final'  # what the training on all images is counted as, beside the tunings
_BUDGET, _SPENT, _RUNNING = 'budget', 'spent', 'running'  # steps of the journal


class Budget:
    """Minutes, and the seconds of them that each tuning took, in a journal.

    What was killed counts up to the last file that it wrote.

    Args:
        journal: That has begun.
        minutes: None: as many as it was begun with, or 60.

    Raises:
        MammoError: It is none, or less than the search was begun with.
    """

    def __init__(self, journal: Journal, minutes: float | None) -> None:
        before = (journal.facts(_BUDGET) or {}).get('minutes')
        minutes = (before or DEFAULT) if minutes is None else minutes
        check_minutes(minutes)
        if before is not None and minutes < before:
            raise MammoError(
                f'--minutes {minutes:g}: {journal.path.parent} was begun with {before:g}',
                f'{before:g}, or more for further tunings',
                'For a smaller budget name another --work-dir',
            )
        self.journal, self.seconds = journal, 60 * minutes
        journal.finish(_BUDGET, {'minutes': minutes})
        self.spent: dict[str, float] = dict(journal.facts(_SPENT) or {})
        if killed := journal.facts(_RUNNING):
            self._add(killed['name'], self._last_sign(killed) - killed['since'])
        if self.spent:
            tell(f'{sum(self.spent.values()) / 60:.1f} of {minutes:g} minutes were spent before')

    def has_time(self, name: str, folds: int) -> bool:
        """Whether a tuning, as long as the longest so far, and the last training fit in.

        Of one that was begun, whether anything is left. The first one always has time.
        """
        others = self.others(name)
        if not others:
            return True
        needed = self.spent.get(name, max(others) * (1 + 1 / folds))
        return sum(others) + needed <= self.seconds

    def others(self, name: str) -> list[float]:
        """The seconds of all other tunings."""
        return [seconds for other, seconds in self.spent.items() if other != name]

    @contextmanager
    def spend(self, name: str, folder: Path) -> Iterator[None]:
        """Count the seconds of a block for a tuning, also where it is interrupted.

        Args:
            name: Of the tuning, or :data:`FINAL`.
            folder: That the block writes to, beside the journal.
        """
        began = time.monotonic()
        now = {'name': name, 'since': time.time(), 'folder': folder.name}
        self.journal.finish(_RUNNING, now)
        try:
            yield
        finally:
            self._add(name, time.monotonic() - began)

    def _add(self, name: str, seconds: float) -> None:
        self.spent[name] = round(self.spent.get(name, 0.0) + max(seconds, 0.0), 1)
        self.journal.finish(_SPENT, self.spent)
        self.journal.finish(_RUNNING, {})

    def _last_sign(self, killed: Mapping[str, Any]) -> float:
        """When something was written last by what was killed; 0 where nothing was."""
        files = (self.journal.path.parent / killed['folder']).rglob('*')
        return max((path.lstat().st_mtime for path in files), default=0.0)


def check_minutes(minutes: float) -> None:
    """Refuse a budget of nothing.

    Raises:
        MammoError: It is not above 0.
    """
    if not minutes > 0:
        raise MammoError(f'--minutes {minutes:g}', 'a number above 0')
