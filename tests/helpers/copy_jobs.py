"""Jobs of a preparation that only copy texts; worker processes import them from here."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from mmseg_mammo.errors import DataFileError


@dataclass(frozen=True)
class CopyJob:
    name: str
    source: Path
    upper: bool = False

    @property
    def inputs(self):
        return (self.source,)


@dataclass(frozen=True)
class Copier:
    """Copies text; leaves a trace of every call, and refuses the text ``bad``."""

    out: Path

    def __call__(self, job):
        with (self.out / 'calls').open('a') as calls:
            calls.write(job.name)
        text = job.source.read_text()
        if text == 'bad':
            raise DataFileError(f'{job.source}: bad')
        (self.out / job.name).write_text(text.upper() if job.upper else text)
        return {'image': job.name, 'length': len(text)}


def interrupt_worker(job):
    """What Ctrl-C does to every process of the terminal."""
    os.kill(os.getpid(), signal.SIGINT)
    return {'name': job.name}


def kill_worker(job):
    """What the system does to a process when the memory is full."""
    os.kill(os.getpid(), signal.SIGKILL)


def host_imports(job):
    """What a worker holds of the host."""
    return {'torch', 'mmseg'} & sys.modules.keys()
