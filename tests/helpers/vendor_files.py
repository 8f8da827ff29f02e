"""DICOM files of one phantom mammogram, written in the ways of many vendors.

``LEVELS`` is the mammogram: H×W uint16 of 12 bits, from 0 to 4095, dense tissue bright. Every file
is made so that a right reader sees it again, up to the rounding of what the file holds.
"""

import numpy as np
from imagecodecs import htj2k_encode, jpeg2k_encode, jpeg_encode, jpegls_encode
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    generate_uid,
)

from mmseg_mammo.phantoms.mammogram import APPEARANCES, make_mammogram

WHITE = 4095  # the brightest level of the mammogram
TOP = 65535  # white behind a window
FOR_PRESENTATION = '1.2.840.10008.5.1.4.1.1.1.2'
FOR_PROCESSING = '1.2.840.10008.5.1.4.1.1.1.2.1'


def _levels():
    """A phantom that reaches both ends of its 12 bits."""
    rng = np.random.default_rng(17)
    drawn = make_mammogram(rng, APPEARANCES['screening'], (128, 96), 'LEFT', 'MLO')[0].astype(float)
    return np.rint((drawn - drawn.min()) * (WHITE / np.ptp(drawn))).astype(np.uint16)


LEVELS = _levels()


def vendor(pixels=LEVELS, bits=12, syntax=ExplicitVRLittleEndian, encoder=None, **tags):
    """One mammogram as a data set.

    Args:
        pixels: H×W stored values, 8, 16 or 32 bits, signed or not.
        bits: Bits Stored.
        syntax: Transfer syntax.
        encoder: Pixels → the encoded frame; None leaves it to the syntax.
        tags: Attributes; None deletes one.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = FOR_PRESENTATION
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(syntax), str(tags)])
    dataset.PatientID = 'phantom'
    dataset.Modality, dataset.PresentationIntentType = 'MG', 'FOR PRESENTATION'
    dataset.ImageLaterality, dataset.ViewPosition = 'L', 'MLO'
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *pixels.shape, 1
    dataset.PhotometricInterpretation, dataset.PresentationLUTShape = 'MONOCHROME2', 'IDENTITY'
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == 'i')
    _add_pixels(dataset, pixels, bits, encoder)
    for name, value in tags.items():
        if value is None:
            delattr(dataset, name)
        elif isinstance(value, tuple):  # VR and value
            dataset.add_new(name, *value)
        else:
            setattr(dataset, name, value)
    return dataset


def _add_pixels(dataset, pixels, bits, encoder):
    syntax = dataset.file_meta.TransferSyntaxUID
    encoder = encoder or ENCODERS.get(syntax)
    if encoder is not None:
        frame = encoder(_as_encoded(pixels, bits, syntax))
        parts = min(3, len(frame) // 64)  # some vendors cut a frame into several fragments
        dataset.PixelData = encapsulate([bytes(frame)], fragments_per_frame=max(1, parts))
    elif syntax in (RLELossless, JPEG2000Lossless):
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.PixelData = pixels.tobytes()
        plugin = 'pydicom' if syntax == RLELossless else 'pylibjpeg'
        dataset.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
        return
    else:
        order = '<' if syntax.is_little_endian else '>'
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
        if pixels.itemsize == 1 and order == '>' and len(dataset.PixelData) % 2 == 0:
            dataset['PixelData'].VR = 'OB'
            return
    dataset['PixelData'].VR = 'OB' if encoder is not None else 'OW'
    dataset['PixelData'].is_undefined_length = encoder is not None


def _as_encoded(pixels, bits, syntax):
    """Pixels as encoders take them: two's complement, in JPEG of the bits that are stored."""
    unsigned = pixels.view(f'u{pixels.itemsize}')
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):  # which are written with all bits
        return unsigned
    return unsigned & unsigned.dtype.type((1 << bits) - 1)


def lossless(predictor, bits=12):
    return lambda p: jpeg_encode(p, lossless=True, predictor=predictor, bitspersample=bits)


def lossy(bits):
    """The lossy JPEG of some precision, nearly as good as lossless."""
    return lambda p: jpeg_encode(p, level=99, bitspersample=bits, subsampling='444')


ENCODERS = {
    JPEGLosslessSV1: lossless(1),
    JPEGLSLossless: jpegls_encode,
    JPEGLSNearLossless: lambda p: jpegls_encode(p, level=2),
    JPEG2000: lambda p: jpeg2k_encode(p, level=90, codecformat='j2k', bitspersample=12),
    HTJ2KLossless: lambda p: htj2k_encode(p, reversible=True),
    JPEGBaseline8Bit: lossy(8),
    JPEGExtended12Bit: lossy(12),
}


def save(dataset, path, preamble=True):
    """Write a data set; ``preamble=False`` leaves out the first 132 bytes, not the meta group."""
    dataset.save_as(path, enforce_file_format=True)
    if not preamble:
        path.write_bytes(path.read_bytes()[132:])
    return path


def syntax_as(uid):
    """A writer that names another transfer syntax than pydicom would write, of the same length."""

    def write(dataset, path):
        save(dataset, path)
        known = dataset.file_meta.TransferSyntaxUID.encode()
        assert len(uid) == len(known)
        path.write_bytes(path.read_bytes().replace(known, uid.encode(), 1))
        return path

    return write


def save_bare(dataset, path):
    """Write a data set alone, without preamble and meta group."""
    syntax = dataset.file_meta.TransferSyntaxUID
    del dataset.file_meta
    options = dict(implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    dataset.save_as(path, **options)
    return path


def curve(count, bits):
    """Entries of a LUT that rises from 0 to the end of ``bits``, more steeply where it is bright."""
    return np.rint((2**bits - 1) * np.linspace(0, 1, count) ** 1.6).astype(int)


def before(entries, first=0, dtype=np.uint16):
    """The stored values that a rising LUT turns into the mammogram, and its largest error.

    Returns:
        H×W of ``dtype``; and levels of :data:`TOP`.
    """
    wanted = LEVELS * (entries[-1] / WHITE)
    above = np.searchsorted(entries, wanted).clip(1, len(entries) - 1)
    lower = wanted - entries[above - 1] < entries[above] - wanted
    error = np.diff(entries).max() / 2 * TOP / entries[-1]
    return (above - lower + first).astype(dtype), int(np.ceil(error)) + 1


def lut(entries, first=0, bits=12, little=True, octets=False):
    """A sequence of one LUT: words in the byte order of its file, or octets."""
    item = Dataset()
    item.add_new('LUTDescriptor', 'SS' if first < 0 else 'US', [len(entries) % 65536, first, bits])
    order = 'u1' if octets else '<u2' if little else '>u2'
    item.add_new('LUTData', 'OW', np.asarray(entries).astype(order).tobytes())
    return Sequence([item])


SYNTAXES = {
    'implicit little endian': ImplicitVRLittleEndian,
    'explicit little endian': ExplicitVRLittleEndian,
    'explicit big endian': ExplicitVRBigEndian,
    'deflated': DeflatedExplicitVRLittleEndian,
    'RLE': RLELossless,
    'JPEG lossless SV1': JPEGLosslessSV1,
    'JPEG-LS': JPEGLSLossless,
    'JPEG 2000': JPEG2000Lossless,
    'HTJ2K': HTJ2KLossless,
}
