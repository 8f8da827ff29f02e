"""Image files with exact tags and chunks, written without a library."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

FORMATS = {1: 'B', 3: 'H', 4: 'I'}
STORED = (np.arange(12).reshape(3, 4) * 20 + 7).astype(np.uint8)
DEEP = STORED.astype(np.uint16) * 257 + 3
DISC = np.hypot(*np.mgrid[-15:25, -12:28]) < 6


def tiff(*pages, order='<', **tags):
    """Uncompressed pages of H×W or H×W×C; ``tags`` are ``t<number>=value`` or a list of values.

    ``t258`` alone makes the bits of a page differ from its dtype (packed rows of bits).
    """
    out = bytearray((b'II*\0' if order == '<' else b'MM\0*') + bytes(4))
    link = 4
    for page in pages:
        strip = len(out)
        data = page.astype(page.dtype.newbyteorder(order)).tobytes()
        out += data + bytes(len(data) % 2)
        channels = page.shape[2] if page.ndim == 3 else 1
        values = {256: page.shape[1], 257: page.shape[0], 258: [8 * page.itemsize] * channels}
        values |= {259: 1, 262: 1, 273: strip, 277: channels, 278: page.shape[0], 279: len(data)}
        values |= {int(name[1:]): value for name, value in tags.items()}
        link = _add_directory(out, link, {t: v for t, v in values.items() if v is not None}, order)
    return bytes(out)


def _add_directory(out, link, values, order):
    entries = []
    for tag, value in sorted(values.items()):
        several = value if isinstance(value, list) else [value]
        kind = 4 if tag in (256, 257, 273, 278, 279) else 3
        raw = b''.join(struct.pack(order + FORMATS[kind], item) for item in several)
        if len(raw) > 4:
            place = len(out)
            out += raw + bytes(len(raw) % 2)
            raw = struct.pack(order + 'I', place)
        entries.append(struct.pack(order + 'HHI', tag, kind, len(several)) + raw.ljust(4, b'\0'))
    struct.pack_into(order + 'I', out, link, len(out))
    out += struct.pack(order + 'H', len(entries)) + b''.join(entries)
    out += bytes(4)
    return len(out) - 4


def png(pixels, colour_type=0, depth=None, **chunks):
    """A PNG of H×W or H×W×C with chunks before its pixels; ``late`` is an eXIf after them."""
    depth = depth or 8 * pixels.itemsize
    late = chunks.pop('late', None)
    height, width = pixels.shape[:2]
    header = struct.pack('>IIBBBBB', width, height, depth, colour_type, 0, 0, 0)
    rows = pixels.astype(pixels.dtype.newbyteorder('>'))
    data = b''.join(b'\0' + row.tobytes() for row in rows)
    parts = [('IHDR', header), *chunks.items(), ('IDAT', zlib.compress(data))]
    parts += [('eXIf', late)] if late else []
    return b'\x89PNG\r\n\x1a\n' + b''.join(_chunk(*part) for part in (*parts, ('IEND', b'')))


def _chunk(name, data):
    body = name.encode() + data
    return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))


def exif(orientation):
    """An EXIF block that says an orientation."""
    return struct.pack('<2sHIHHHIHHI', b'II', 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def encoded(pixels, kind, **options):
    """What Pillow writes."""
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, kind, **options)
    return stream.getvalue()


def lossless_jpeg(pixels, precision):
    """Lossless JPEG (ITU-T T.81, annex H) of H×W, predictor 1, with no code that decoders refuse."""
    height, width = pixels.shape
    values = pixels.astype(int)
    predicted = np.empty_like(values)
    predicted[:, 1:], predicted[1:, 0] = values[:, :-1], values[:-1, 0]
    predicted[0, 0] = 1 << precision - 1
    bits = ''
    for difference in (values - predicted).ravel().tolist():
        size = abs(difference).bit_length()
        code = difference if difference >= 0 else difference + (1 << size) - 1
        bits += f'{size:03b}' if size < 7 else '1' * (size - 4) + '0'
        bits += f'{code:0{size}b}' if size else ''
    bits += '1' * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, 'big').replace(b'\xff', b'\xff\0')
    counts = bytes([0, 0, 7, *[1] * 10, 0, 0, 0])

    def segment(marker, content):
        return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, 'big') + content

    return b''.join(
        (
            b'\xff\xd8'
            + segment(0xC3, struct.pack('>BHHB', precision, height, width, 1) + b'\1\x11\0'),
            segment(0xC4, b'\0' + counts + bytes(range(17))) + segment(0xDA, b'\1\1\0\1\0\0'),
            coded + b'\xff\xd9',
        )
    )
