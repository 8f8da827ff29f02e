"""File backend of checkpoints: writes them atomically, with their record."""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

from mmengine.fileio import LocalBackend, register_backend

from mmseg_mammo.io.checkpoint_record import add_record
from mmseg_mammo.io.files import write_atomic


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """mmengine's local file backend, with atomic writes, and a record in each checkpoint."""

    record: ClassVar[Mapping[str, Any] | None] = None  # of the checkpoint that is about to be put

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write ``obj``, and the record if there is one, beside ``filepath`` and rename it."""
        record, AtomicBackend.record = AtomicBackend.record, None

        def write(stream: IO[bytes]) -> None:
            stream.write(obj)
            if record is not None:
                add_record(stream, record)

        write_atomic(Path(filepath), write)
