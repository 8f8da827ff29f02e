"""DICOM pixel data: decodes the stored values and checks them against the header."""

from typing import Any

import numpy as np

from mmseg_mammo.io.dicom.header import is_filled, number_of
from mmseg_mammo.io.raster.jpeg import decode_jpeg, widen_lossless

# What required attributes mean where a file lacks them: a mammogram has no other values
# (PS3.3 C.8.11.7.1).
_DEFAULTS = {'SamplesPerPixel': 1, 'PixelRepresentation': 0}

ITEM = b'\xfe\xff\x00\xe0'  # the tag that compressed pixel data starts with


def guess_syntax(dataset: Any) -> str:
    """Set a missing Transfer Syntax to the one that the header was parsed by, and say which."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    syntax = ImplicitVRLittleEndian if implicit else explicit
    dataset.file_meta.TransferSyntaxUID = syntax
    return f'no Transfer Syntax; read as {syntax.name}'


def can_decode(syntax: Any) -> bool:
    """Whether there is a decoder of a Transfer Syntax UID, be it installed or not."""
    from pydicom.pixels import get_decoder

    try:
        get_decoder(syntax)
    except NotImplementedError:
        return False
    return True


def is_compressed(dataset: Any) -> bool:
    """Whether the pixel data is encapsulated, so that a decoder tells its depth."""
    return bool(dataset.file_meta.TransferSyntaxUID.is_encapsulated)


def stored_values(dataset: Any, labels: bool = False) -> np.ndarray:
    """The stored values of the one frame of a data set, H×W.

    Args:
        dataset: A pydicom data set with its pixel data.
        labels: Whether this is a mask. Then all allocated bits count, unsigned, whatever the
            header of its image, which masks often keep, says of depth and sign.

    Raises:
        ValueError: The pixels have other bits or another length than the header says.
    """
    allocated = int(dataset.BitsAllocated)
    for name, value in _DEFAULTS.items():
        if not is_filled(dataset.get(name)):
            setattr(dataset, name, value)
    dataset.PhotometricInterpretation = 'MONOCHROME2'  # one grey sample; only levels need more
    native = not is_compressed(dataset)
    if native and bytes((dataset.get('PixelData') or b'')[:4]) == ITEM:
        raise ValueError('compressed, though no Transfer Syntax says how')
    if 'PixelData' in dataset and not dataset.PixelData:
        raise ValueError('Pixel Data is empty')
    if not is_filled(dataset.get('BitsStored')) or (labels and native):
        dataset.BitsStored = allocated
    if not 0 < int(dataset.BitsStored) <= allocated:
        raise ValueError(f'Bits Stored is {dataset.BitsStored}, Bits Allocated {allocated}')
    dataset.HighBit = int(dataset.BitsStored) - 1  # no other is legal; pixels tell below
    if labels and native:
        dataset.PixelRepresentation = 0
    elif native and allocated in (8, 16, 32) and 'PixelData' in dataset:
        _check_native(dataset, allocated)
    from pydicom.uid import JPEGBaseline8Bit, JPEGLossless, JPEGLosslessSV1

    decoded = None
    if dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit:
        _check_jpeg(dataset)
    elif dataset.file_meta.TransferSyntaxUID in (JPEGLossless, JPEGLosslessSV1):
        decoded = _decode_lossless(dataset)
    unsigned = int(dataset.PixelRepresentation) == 0
    if unsigned and not (native or labels):
        pixels = _decode_compressed(dataset, decoded)
    else:
        pixels = dataset.pixel_array
        if not (native or labels):  # a JPEG-LS or JPEG 2000 stream may say another depth or sign
            _check_bits(dataset, pixels.view(f'u{pixels.itemsize}'))
    if pixels.ndim != 2:
        raise ValueError(f'{pixels.shape} values where one per pixel was expected')
    return pixels


def _check_jpeg(dataset: Any) -> None:
    """Refuse what DICOM decoders patch in silence, as libjpeg does."""
    from pydicom.encaps import get_frame

    if decode_jpeg(get_frame(dataset.PixelData, 0, number_of_frames=1)) is None:
        raise ValueError('its JPEG data is damaged')


def _decode_lossless(dataset: Any) -> np.ndarray | None:
    """Unsigned pixels of lossless JPEG data; refuses data with values beyond its precision.

    Returns:
        H×W uint16; None where 16 bits are not what is allocated, and where it is no lossless JPEG
        data: these are left to pydicom.
    """
    from pydicom.dataset import Dataset
    from pydicom.encaps import encapsulate, get_frame

    widened = widen_lossless(get_frame(dataset.PixelData, 0, number_of_frames=1))
    if widened is None:
        return None
    data, precision = widened
    wide = Dataset()
    wide.file_meta, wide.PixelData = dataset.file_meta, encapsulate([data])
    wide.Rows, wide.Columns, wide.SamplesPerPixel = dataset.Rows, dataset.Columns, 1
    wide.PhotometricInterpretation, wide.PixelRepresentation = 'MONOCHROME2', 0
    wide.BitsAllocated, wide.BitsStored, wide.HighBit = 16, 16, 15
    values = wide.pixel_array - np.uint16((1 << 15) - (1 << precision - 1))
    if (values >> precision).any():
        raise ValueError('its JPEG data is damaged')
    return values if int(dataset.BitsAllocated) == 16 else None


def _decode_compressed(dataset: Any, decoded: np.ndarray | None) -> np.ndarray:
    """Compressed unsigned pixels, checked before the bits above Bits Stored are cut off.

    More bits are what damage in JPEG-LS and in JPEG-lossless looks like, which no decoder tells.
    """
    stored, dataset.BitsStored = int(dataset.BitsStored), int(dataset.BitsAllocated)
    pixels = np.asarray(dataset.pixel_array) if decoded is None else decoded
    dataset.BitsStored = stored
    _check_bits(dataset, pixels)
    return pixels & ((1 << stored) - 1) if stored < pixels.itemsize * 8 else pixels


def _check_native(dataset: Any, allocated: int) -> None:
    order = '<' if dataset.file_meta.TransferSyntaxUID.is_little_endian else '>'
    size = int(dataset.Rows) * int(dataset.Columns)
    if len(dataset.PixelData) >= size * allocated // 8:  # else the decoder complains
        _check_bits(dataset, np.frombuffer(dataset.PixelData, f'{order}u{allocated // 8}', size))


def stored_range(bits: int, signed: int) -> tuple[int, int]:
    """The least and the greatest value of some Bits Stored, by Pixel Representation."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def _check_bits(dataset: Any, raw: np.ndarray) -> None:
    """Refuse pixels that use more bits than Bits Stored, which the decoder would cut off.

    Bits above may be set alike in all pixels, hold an overlay, or belong to the padding, if what is
    left of that is an end of the stored range: in the middle of it padding would pass for tissue.

    Args:
        dataset: Tells Bits Stored and sign.
        raw: All allocated bits of the pixels, unsigned.
    """
    raw = raw.astype(raw.dtype.newbyteorder('='), copy=False)
    stored, signed = int(dataset.BitsStored), int(dataset.PixelRepresentation)
    allocated = raw.itemsize * 8
    if stored >= allocated or (not signed and int(raw.max()) >> stored == 0):
        return
    shift = allocated - stored
    cut = (raw << shift).view(raw.dtype.str.replace('u', 'i') if signed else raw.dtype) >> shift
    beyond = raw != cut.view(raw.dtype)
    odd = raw[beyond]
    if not odd.size:
        return
    overlays = any(dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))
    same_above = odd.size == raw.size and np.ptp(odd >> stored) == 0
    padding = number_of(dataset, 'PixelPaddingValue')
    padded = padding is not None and (odd == int(padding) % (1 << allocated)).all()
    padded = padded and int(cut[beyond][0]) in stored_range(stored, signed)
    if not (overlays or same_above or padded):
        highest = int(raw.max()).bit_length()
        sign = ', one of them for the sign, by Pixel Representation' if signed else ''
        raise ValueError(f'pixels use {highest} bits, Bits Stored says {stored}{sign}')
