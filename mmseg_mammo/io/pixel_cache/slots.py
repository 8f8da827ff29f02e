"""Slots: how one entry of the cache lies in its file. Pure functions.

A slot is a head of fixed room and, behind it, the image: H×W, uint8 or uint16, as in memory or
compressed. The head holds checksums, what the steps added beside arrays, the proof of what the entry
was made from, and the mask as bits of its bounding box. Rooms are multiples of a page, and what is not
written of them takes no room on a disk: so slots of images of any size are as wide as the widest, and
each takes what its compressed image needs.
"""

import struct
import zlib
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmseg_mammo.io.pixel_cache.packing import pack_image, unpack_image
from mmseg_mammo.io.pixel_cache.values import from_json, to_json

PAGE = 4096
HEAD_ROOM = 4 * PAGE
_MAGIC = b'MAMMOPX2'
# Magic; CRC of the rest of the head; lengths of values, proof and mask; shape and bytes of a level
# of the image, its CRC, its length and whether it is compressed; shape and box (top, left, height, width) of the mask, 0 without one. A mask
# of one value has a box of height 0, and the value in the place of its top.
_FIXED = struct.Struct('<8sIIIIIIIIII6I')
MARK = 12  # bytes of magic and CRC, which tell a head from any other
_TYPES: dict[int, np.dtype[Any]] = {1: np.dtype(np.uint8), 2: np.dtype(np.uint16)}


class Layout(NamedTuple):
    """The rooms of the slots of a file, in bytes.

    Attributes:
        head: Of a head.
        image: Of an image.
        packed: Whether images are compressed.
    """

    head: int
    image: int
    packed: bool

    @property
    def slot(self) -> int:
        """Bytes of a slot."""
        return self.head + -(-self.image // PAGE) * PAGE


FIXED = Layout(HEAD_ROOM, 0, False)  # of images of about one size, which the first entry tells
# The largest films, 7,000 × 4,700 pixels of 16 bits, as in memory; their masks have long outlines. 100,000
# slots are 6.7 TB of a file that takes a tenth of it at most, and ext4, the narrowest, has room for 16 TiB.
ANY = Layout(64 * PAGE, 64 * 1024**2, True)


class Entry(NamedTuple):
    """What the steps made of an image.

    Attributes:
        values: Plain data by key.
        image: H×W, uint8 or uint16.
        mask: H'×W' uint8 of 0 and 1, or of one value, on whatever grid; None without one.
    """

    values: dict[str, Any]
    image: np.ndarray
    mask: np.ndarray | None


class Head(NamedTuple):
    """The head of a slot, its mask still packed.

    Attributes:
        values: As of :class:`Entry`.
        proof: JSON of what the entry was made from.
        shape: (H, W) of the image.
        dtype: Of the image.
        crc: Of the bytes of the image, as they lie there.
        length: Of these bytes.
        packed: Whether they are compressed.
        mask: Shape, box and packed bits of the mask; None without one.
    """

    values: bytes
    proof: bytes
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    crc: int
    length: int
    packed: bool
    mask: tuple[tuple[int, ...], bytes] | None


def make_head(entry: Entry, proof: bytes, packed: bool = False) -> tuple[Head, memoryview] | None:
    """The head of an entry and the bytes of its image; None if the entry is not kept exactly.

    Args:
        entry: Its image contiguous.
        proof: JSON of what it was made from.
        packed: Whether the image is compressed, where that can be.
    """
    image, values = entry.image, to_json(entry.values)
    if values is None or image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        return None
    mask = None if entry.mask is None else _pack_mask(entry.mask)
    if entry.mask is not None and mask is None:
        return None
    small = pack_image(image) if packed else None
    data = (image if small is None else small).data
    shape, known = (image.shape[0], image.shape[1]), small is not None
    crc = zlib.crc32(data)
    return Head(values, proof, shape, image.dtype, crc, data.nbytes, known, mask), data


def pack_head(head: Head, room: int = HEAD_ROOM) -> bytes | None:
    """The bytes of a head; None if they are more than its room, as with a large mask."""
    box, bits = head.mask or ((0,) * 6, b'')
    texts = head.values + head.proof + bits
    rest = _FIXED.pack(
        *(_MAGIC, 0, len(head.values), len(head.proof), len(bits)),
        *(*head.shape, head.dtype.itemsize, head.crc, head.length, head.packed, *box),
    )[MARK:]
    data = struct.pack('<8sI', _MAGIC, zlib.crc32(rest + texts)) + rest + texts
    return data if len(data) <= room else None


def unpack_head(data: bytes) -> Head | None:
    """The head of a slot; None if nothing whole is there.

    Args:
        data: The first bytes of a slot, as many as a head has room for, or what there is of them.
    """
    if len(data) < _FIXED.size or not data.startswith(_MAGIC):
        return None
    _, crc, values, proof, bits, height, width, depth, *rest = _FIXED.unpack_from(data)
    image_crc, length, packed, *box = rest
    end = _FIXED.size + values + proof + bits
    if depth not in _TYPES or end > len(data):
        return None
    if zlib.crc32(memoryview(data)[MARK:end]) != crc:
        return None
    second, third = _FIXED.size + values, _FIXED.size + values + proof
    mask = (tuple(box), data[third:end]) if box[0] else None
    return Head(
        data[_FIXED.size : second], data[second:third], (height, width), _TYPES[depth],
        image_crc, length, bool(packed), mask,
    )  # fmt: skip


def unpack_pixels(head: Head, data: np.ndarray) -> np.ndarray:
    """The image of an entry, H×W.

    Args:
        head: Of the entry.
        data: One-dimensional uint8, of the length that the head says; the image may share its memory.

    Raises:
        ValueError: Nothing here reads it.
    """
    if head.packed:
        return unpack_image(data, head.shape, head.dtype)
    return data.view(head.dtype).reshape(head.shape)


def unpack_values(head: Head) -> dict[str, Any]:
    """The plain data of an entry."""
    return from_json(head.values)


def unpack_mask(head: Head) -> np.ndarray | None:
    """The mask of an entry, H×W uint8, an array of its own; None without one."""
    if head.mask is None:
        return None
    (height, width, top, left, rows, columns), bits = head.mask
    if not rows:
        return np.full((height, width), top, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    packed = np.frombuffer(zlib.decompress(bits), np.uint8)
    inside = np.unpackbits(packed, count=rows * columns).reshape(rows, columns)
    mask[top : top + rows, left : left + columns] = inside
    return mask


def _pack_mask(mask: np.ndarray) -> tuple[tuple[int, ...], bytes] | None:
    """Shape and box of a mask, and its bits inside; None if it has values beside 0 and 1."""
    if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
        return None
    highest = int(mask.max())
    if highest > 1:  # of an image whose lesion nobody outlined
        return ((*mask.shape, highest, 0, 0, 0), b'') if mask.min() == highest else None
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask))
    inside = mask[top : top + height, left : left + width]
    bits = zlib.compress(np.packbits(inside).tobytes()) if width else b''
    return (*mask.shape, top, left, height if width else 0, width), bits
