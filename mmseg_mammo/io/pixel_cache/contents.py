"""Contents: what an entry of the cache was made from, and whether its files are still the same."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_mammo.io.pixel_cache.values import from_json, to_json

# Size and time of a file; None where there is none.
Stamp = tuple[int, int] | None


class Source(NamedTuple):
    """What the steps see of an image.

    Attributes:
        files: Of the image and of its mask; None without one.
        facts: Plain data that the steps may read beside, such as the row of the index.
    """

    files: tuple[str, str | None]
    facts: Mapping[str, Any]


def stamps(source: Source) -> list[Stamp]:
    """Size in bytes and time in nanoseconds of each file.

    Raises:
        OSError: A file is not there, or cannot be asked for.
    """
    found: list[Stamp] = []
    for path in source.files:
        stat = Path(path).stat() if path else None
        found.append((stat.st_size, stat.st_mtime_ns) if stat else None)
    return found


def digests(source: Source) -> list[str | None]:
    """BLAKE2b of the bytes of each file.

    Raises:
        OSError: A file cannot be read.
    """
    return [
        hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest() if path else None
        for path in source.files
    ]


def make_proof(source: Source, before: Sequence[Stamp]) -> bytes | None:
    """The proof of an entry that was just made; None if its files changed meanwhile.

    Args:
        source: That it was made from.
        before: :func:`stamps` as they were before.

    Raises:
        OSError: A file cannot be read any more.
    """
    hashed = digests(source)
    if stamps(source) != list(before):
        return None
    return to_json({'facts': dict(source.facts), 'stamps': list(before), 'digests': hashed})


def check_proof(proof: bytes, source: Source) -> tuple[bool, bytes | None]:
    """Whether an entry was made from what there is now.

    Files of the same size and time are taken for the same; of others the content decides.

    Returns:
        Whether it was; and the proof to keep in its place, if only times have changed.

    Raises:
        OSError: A file is not there any more.
    """
    found = from_json(proof)
    if found['facts'] != dict(source.facts):
        return False, None
    now = stamps(source)
    if found['stamps'] == now:
        return True, None
    if digests(source) != found['digests']:
        return False, None
    return True, to_json({**found, 'stamps': now})
