"""Cache of one chain: entries by the number of an image, shared by threads, processes and runs.

All processes read through the operating system's cache of the file, which is there once for them
all. Reading by ``pread`` instead of a map leaves no process to be killed by a signal where a disk
fails or is full.
"""

import contextlib
import errno
import mmap
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.io.pixel_cache.chain import Chain, put
from mmseg_mammo.io.pixel_cache.contents import Source, Stamp, check_proof, make_proof, stamps
from mmseg_mammo.io.pixel_cache.place import used_bytes
from mmseg_mammo.io.pixel_cache.rights import Rights
from mmseg_mammo.io.pixel_cache.slots import (
    ANY,
    FIXED,
    MARK,
    Entry,
    Head,
    make_head,
    pack_head,
    unpack_head,
    unpack_mask,
    unpack_pixels,
    unpack_values,
)

FULL = 'limit'  # why an entry was not kept: the limit is reached
DISK = 'disk'  # the disk is full, or fails
CLOSED = 'closed'  # the folder may be read only
CLEARED = 'cleared'  # the file was removed
UNFIT = 'unfit'  # it is larger than the first one, or not kept exactly
SOLID = 'solid'  # the disk fills the holes of a file, of which one of any size consists
CHANGED = 'changed'  # its files changed while it was made
_RECOUNT = 64  # entries after which other chains are counted anew
_NO_SLOT = -1


class PixelCache:
    """Entries of the images of a data set by one chain of steps.

    Any number of processes may read and write: two that make the same entry write the same bytes.
    Its head is written last, with a checksum of the image, so that a half-written entry does not
    count. An entry is checked when it is first read: against its files (size and time, else the
    content), and its checksum. Later reads trust it, also those of processes that were forked.

    Args:
        folder: Of :func:`.find_folder`.
        key: Of the chain, a file name.
        steps: What the chain is, for people; JSON values.
        names: Of the images, in the order of their numbers.
        data: A file of the data, whose rights the cache gets.
        limit: Bytes of the disk that all chains of the folder may take; None: any.
        pixels: The most that an image has, where the steps tell. 0: any number, and images are
            compressed.
    """

    def __init__(
        self,
        folder: Path,
        key: str,
        steps: Any,
        names: Sequence[str],
        data: Path,
        limit: int | None = None,
        pixels: int = 0,
    ) -> None:
        self.folder, self.limit, self._pixels = folder, limit, pixels
        self._chain = Chain(folder / key, Rights(data))
        self._layout = FIXED if pixels else ANY._replace(image=0)  # until there is a room
        self._file = -1
        self._others = (0, 0)  # bytes of other chains, entries until they are counted anew
        slots, writable = self._chain.open(names, steps)
        self.closed = '' if writable else CLOSED  # why nothing is written any more
        self._slots = np.array([slots.get(name, _NO_SLOT) for name in names], np.int64)
        self._checked = mmap.mmap(-1, max(len(names), 1))  # of forked processes too

    def __getstate__(self) -> dict[str, Any]:
        """Without what another process opens anew."""
        return {**self.__dict__, '_file': -1, '_checked': len(self._checked)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open anew what a process has for itself."""
        self.__dict__.update(state)
        self._checked = mmap.mmap(-1, state['_checked'])

    def __del__(self) -> None:
        """Close the file."""
        if getattr(self, '_file', -1) >= 0:
            os.close(self._file)

    def read(self, number: int, source: Source) -> Entry | None:
        """The entry of an image; None if there is none, or it is of other files.

        Args:
            number: Of the image.
            source: What it is made from now.
        """
        slot = int(self._slots[number])
        if slot == _NO_SLOT or not self._ready():
            return None
        try:
            start = slot * self._layout.slot
            packed = os.pread(self._file, self._layout.head, start)
            head = unpack_head(packed)
            if head is None or head.length > self._layout.image:
                return None
            checked = self._checked[number]
            if not checked and not self._check_files(head, source, start):
                return None
            data = np.empty(head.length, np.uint8)
            if os.preadv(self._file, [data.data], start + self._layout.head) != data.nbytes:
                return None
            if not checked and zlib.crc32(data.data) != head.crc:
                return None
            if checked and os.pread(self._file, MARK, start) != packed[:MARK]:
                return None  # another process is making it anew, of a file that has changed
            image = unpack_pixels(head, data)
            entry = Entry(unpack_values(head), image, unpack_mask(head))
        except (OSError, ValueError, zlib.error):  # damaged, or a disk that fails: made again
            return None
        self._checked[number] = 1
        return entry

    def write(self, number: int, source: Source, before: Sequence[Stamp], entry: Entry) -> str:
        """Keep an entry.

        Args:
            number: Of the image.
            source: What it was made from.
            before: :func:`.stamps` of that before it was made.
            entry: What was made.

        Returns:
            Why it is not kept; empty if it is.
        """
        if self.closed:
            return self.closed
        try:
            self.closed = self._closes()
            return self.closed or self._write(int(self._slots[number]), source, before, entry)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):  # of an image that was moved, or a
                return CHANGED  # cache that was cleared
            if error.errno == errno.EFBIG:  # its slot lies beyond what a file may be
                return UNFIT
            self.closed = DISK
            return DISK

    def _write(self, slot: int, source: Source, before: Sequence[Stamp], entry: Entry) -> str:
        entry = entry._replace(image=np.ascontiguousarray(entry.image))
        proof = make_proof(source, before)
        if proof is None:
            return CHANGED if stamps(source) != list(before) else UNFIT
        made = make_head(entry, proof, self._layout.packed)
        packed = made and pack_head(made[0], self._layout.head)
        if not made or not packed or slot == _NO_SLOT:
            return UNFIT
        data = made[1]
        if not self._ready():
            packs = self._layout.packed
            # Twice: images of 8 and of 16 bits mix.
            room = ANY.image if packs else 2 * max(entry.image.size, self._pixels)
            if not self._chain.claim_room(room, mostly_holes=packs):
                self.closed = SOLID
                return SOLID
        if not self._ready():
            return DISK
        if data.nbytes > self._layout.image:
            return UNFIT
        start = slot * self._layout.slot
        put(self._file, bytes(MARK), start)  # what was there counts no more
        put(self._file, data, start + self._layout.head)
        put(self._file, packed, start)
        return ''

    def _closes(self) -> str:
        """Why nothing more is written; empty if it is."""
        stat = os.fstat(self._file) if self._ready() else None
        if stat and not stat.st_nlink:
            return CLEARED
        if self.limit is None:
            return ''
        own = stat.st_blocks * 512 if stat else 0
        others, left = self._others
        if not left:
            others, left = used_bytes(self.folder) - own, _RECOUNT
        self._others = others, left - 1
        return FULL if others + own >= self.limit else ''

    def _check_files(self, head: Head, source: Source, start: int) -> bool:
        same, renewed = check_proof(head.proof, source)
        packed = pack_head(head._replace(proof=renewed), self._layout.head) if renewed else None
        if packed:  # only times have changed: they are not to be looked into again
            with contextlib.suppress(OSError):  # closed to writing
                put(self._file, packed, start)
        return same

    def _ready(self) -> bool:
        """Open the file of a cache that has a room for images."""
        if self._file >= 0:
            return True
        if not self._layout.image:
            self._layout = self._layout._replace(image=self._chain.room())
        if self._layout.image:
            self._file = self._chain.open_slots()
        return self._file >= 0
