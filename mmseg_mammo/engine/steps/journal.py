"""Journal of a training of several steps, such as two stages or folds: which are finished."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

from mmseg_mammo.engine.hooks.console import say
from mmseg_mammo.engine.work_dir import is_first_process
from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.files import read_json, write_json

ASKED = 'asked'  # of the facts of a step: the settings that it was done with
_HASH = re.compile('[0-9a-f]{64}')  # of a file or a config: nobody reads it
_PAUSE = 0.2  # seconds between two looks at what another process does


def tell(text: str) -> None:
    """Say something on the console and in the log; the first process does."""
    if is_first_process():
        say(MMLogger.get_current_instance(), text)


class Journal:
    """Finished steps by name, each with its facts, in a file of the work folder.

    Args:
        work_dir: Of the whole training.
        name: Of the file.
    """

    def __init__(self, work_dir: Path, name: str) -> None:
        self.path = work_dir / name

    def begin(self, resume: bool, asked: Mapping[str, Any] | None = None) -> None:
        """Start, or go on.

        Args:
            resume: Whether to go on with what is there.
            asked: Present settings, each a JSON value by its name, that those of finished steps,
                their fact ``asked``, have to agree with.

        Raises:
            MammoError: Another training began here, and ``resume`` is off; or a finished step was
                done for other settings.
        """
        if self.path.is_file() and not resume:
            raise MammoError(
                f'{self.path.parent} holds another training, which would be overwritten',
                'an empty work folder, or --resume to go on where it stopped',
                'Name another --work-dir, or move the old one away',
            )
        if not self.path.is_file():
            write_json(self.path, {})
        for step, facts in read_json(self.path).items():
            self._check(step, facts.get(ASKED) or {}, asked or {})

    def _check(self, step: str, before: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        other = [
            f'{name} is another one'
            if _HASH.fullmatch(str(value))
            else f'{name} is {asked.get(name)}, was {value}'
            for name, value in before.items()
            if asked.get(name) != value
        ]
        if other:
            raise MammoError(
                f'--resume: {self.path.parent} was begun otherwise ({step}): {"; ".join(other)}',
                'the config and the options that it began with',
                'For another training name another --work-dir; a test takes --cfg-options model.…',
            )

    def facts(self, step: str) -> dict[str, Any] | None:
        """What is known of a step; None if it is not finished."""
        try:
            return read_json(self.path).get(step)
        except DataFileError:
            if self.path.is_file():
                raise
            return None  # another process has not begun it yet

    def finish(self, step: str, facts: Mapping[str, Any]) -> None:
        """Note that a step is finished; for one process alone."""
        write_json(self.path, {**read_json(self.path), step: dict(facts)})

    def wait_for(self, step: str) -> dict[str, Any]:
        """Wait until another process has finished a step, however long that takes.

        Collectives of several processes give up after some minutes; a file does not.
        """
        while (found := self.facts(step)) is None:
            time.sleep(_PAUSE)
        return found
