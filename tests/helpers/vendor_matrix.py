"""The vendor matrix: names of files, how each is made, and what a reader has to see or say."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from imagecodecs import jpegls_encode
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000,
    MPEG4HP41,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
)
from vendor_files import (
    FOR_PROCESSING,
    LEVELS,
    SYNTAXES,
    TOP,
    WHITE,
    before,
    curve,
    lossless,
    lut,
    save,
    save_bare,
    syntax_as,
    vendor,
)

HALF_OF_8_BITS = 129  # levels of 65535
WINDOW = {'WindowCenter': 2048, 'WindowWidth': 4096}
RAMP = np.arange(4096)  # a LUT that changes nothing
EIGHT_BITS = np.rint(LEVELS * (255 / WHITE)).astype(np.uint8)
PAPER = np.s_[:9, 60:]  # a corner of air that some files fill with padding


@dataclass(frozen=True)
class Picture:
    """A file that has to show the mammogram.

    Attributes:
        make: Makes the data set.
        tolerance: The largest difference, in levels of 65535.
        white: The level of white: 65535 behind a window, else that of the stored values.
        write: Writes it.
        outside: Whether pydicom's own functions show it too: they know neither functional groups,
            nor padding, nor what a vendor got wrong.
    """

    make: Callable[[], Any]
    tolerance: float = 1
    white: int = TOP
    write: Callable[..., Any] = save
    outside: bool = True


@dataclass(frozen=True)
class Refusal:
    """A file that has to end in one line, which says ``says`` (a regular expression)."""

    make: Callable[[], Any]
    says: str
    write: Callable[..., Any] = save


def shown(pixels=LEVELS, tolerance=1, white=TOP, write=save, outside=True, **tags):
    """A picture behind the window of its whole range, unless told otherwise."""
    return Picture(lambda: vendor(pixels, **{**WINDOW, **tags}), tolerance, white, write, outside)


def unwindowed(pixels=LEVELS, tolerance=1, white=WHITE, outside=True, **tags):
    """A picture without a window: stored values count."""
    return Picture(lambda: vendor(pixels, **tags), tolerance, white, outside=outside)


def _sigmoid():
    share = (LEVELS / WHITE).clip(1e-5, 1 - 1e-5)
    stored = np.rint(32768 - 3000 * np.log(1 / share - 1)).clip(0, TOP).astype(np.uint16)
    window = dict(WindowCenter=32768, WindowWidth=12000, VOILUTFunction='SIGMOID')
    return shown(stored, 4, bits=16, **window)


def _table(bits, count, first=0, dtype=np.uint16, stored=16, octets=True, **tags):
    """A VOI LUT of ``count`` entries of ``bits`` bits, in which the mammogram is looked up."""
    entries = curve(count, bits)
    pixels, error = before(entries, first, dtype)
    little = tags.get('syntax', SYNTAXES['implicit little endian']).is_little_endian
    tags['VOILUTSequence'] = lut(entries, first, bits, little, octets and bits == 8)
    return Picture(lambda: vendor(pixels, stored, **tags), error)


def _corner(pixels, value, limit=None):
    """Pixels whose corner of air holds padding, up to a limit."""
    pixels = pixels.copy()
    pixels[PAPER] = value
    pixels[0, -1] = value if limit is None else limit
    return pixels


def _padded(value, limit=None, pixels=LEVELS, bits=16, **tags):
    tags['PixelPaddingValue'] = ('SS' if value < 0 else 'US', value)
    if limit is not None:
        tags['PixelPaddingRangeLimit'] = ('US', limit)
    return Picture(lambda: vendor(_corner(pixels, value, limit), bits, **tags), outside=False)


def _group(**macros):
    """Functional groups: attribute sequence → its tags."""
    group = Dataset()
    for name, tags in macros.items():
        item = Dataset()
        for tag, value in tags.items():
            setattr(item, tag, value)
        setattr(group, name, Sequence([item]))
    return Sequence([group])


SIGNED = LEVELS.astype(np.int16) - np.int16(2048)
INVERSE = {'PhotometricInterpretation': 'MONOCHROME1', 'PresentationLUTShape': 'INVERSE'}
DARK = (WHITE - LEVELS).astype(np.uint16)
GROUPS = _group(
    FrameVOILUTSequence={**WINDOW, 'WindowCenter': 1948},
    PixelValueTransformationSequence={'RescaleSlope': 1, 'RescaleIntercept': -100},
)

PICTURES = {
    'window LINEAR': shown(),
    'window LINEAR_EXACT': shown(
        WindowCenter=2047.5, WindowWidth=4095, VOILUTFunction='LINEAR_EXACT'
    ),
    'window SIGMOID': _sigmoid(),
    'several windows': shown(
        WindowCenter=[2048, 900, 3000],
        WindowWidth=[4096, 500, 100],
        WindowCenterWidthExplanation=['NORMAL', 'HARDER', 'SOFTER'],
    ),
    'first window empty': shown(WindowCenter=[0, 2048], WindowWidth=[0, 4096], outside=False),
    'window of negative centre': shown(SIGNED, WindowCenter=0, RescaleSlope=1, RescaleIntercept=0),
    'no window': unwindowed(),
    'no window, 8 bits': unwindowed(EIGHT_BITS, HALF_OF_8_BITS, 255, bits=8),
    'no window, 16 bits': unwindowed(
        np.rint(LEVELS * (TOP / WHITE)).astype(np.uint16), 1, TOP, bits=16
    ),
    'no window, 32 allocated': unwindowed(LEVELS.astype(np.uint32), outside=False),
    # pydicom looks these up modulo 256.
    'table of 8 bits': replace(_table(8, 4096), outside=False),
    'table of 8 bits in words': replace(_table(8, 4096, octets=False), outside=False),
    'table of 8 bits, 256 entries': _table(8, 256, octets=False),
    'table of 10 bits': _table(10, 4096),
    'table of 12 bits': _table(12, 16384),
    'table of 16 bits': _table(16, 65536),
    'table of 16 bits, big endian': _table(16, 65536, syntax=ExplicitVRBigEndian),
    'table of 10 bits, signed': _table(10, 4096, -2048, np.int16),
    'table besides a window': _table(12, 16384, WindowCenter=99, WindowWidth=9),
    'rescale': shown(
        WindowCenter=924.25,
        WindowWidth=2048.5,
        RescaleSlope=0.5,
        RescaleIntercept=-100,
        outside=True,
    ),
    'rescale of negative slope': shown(DARK, RescaleSlope=-1, RescaleIntercept=WHITE),
    'modality LUT': Picture(
        lambda: vendor(DARK, ModalityLUTSequence=lut(RAMP[::-1], 0, 16), **WINDOW)
    ),
    'modality LUT, big endian': Picture(
        lambda: vendor(
            DARK,
            syntax=ExplicitVRBigEndian,
            ModalityLUTSequence=lut(RAMP[::-1], 0, 16, little=False),
            **WINDOW,
        )
    ),
    'MONOCHROME1': shown(DARK, **INVERSE),
    'MONOCHROME1, no window': unwindowed(DARK, **INVERSE),
    'MONOCHROME1, signed': shown(-SIGNED - np.int16(1), WindowCenter=0, **INVERSE),
    'MONOCHROME1 by its shape alone': shown(
        DARK, outside=False, PhotometricInterpretation='', PresentationLUTShape='INVERSE'
    ),
    'MONOCHROME2, shape INVERSE': shown(PresentationLUTShape='INVERSE'),
    'MONOCHROME1, shape IDENTITY': shown(
        DARK, PhotometricInterpretation='MONOCHROME1', PresentationLUTShape='IDENTITY'
    ),
    'signed': shown(SIGNED, WindowCenter=0),
    'signed, no window': unwindowed(SIGNED, outside=False),
    'padding of white': _padded(TOP, **WINDOW),
    'padding range': _padded(50000, 60000, **WINDOW),
    'padding, no window': replace(_padded(TOP), white=WHITE),
    'padding, MONOCHROME1': _padded(
        0, pixels=DARK + np.uint16(1), **INVERSE, **{**WINDOW, 'WindowCenter': 2049}
    ),
    'padding above the bits': _padded(TOP, bits=13, **WINDOW),
    'padding above the bits, signed': _padded(
        -12288, pixels=SIGNED, bits=13, **{**WINDOW, 'WindowCenter': 0}
    ),
    'functional groups': Picture(
        lambda: vendor(SharedFunctionalGroupsSequence=GROUPS), outside=False
    ),
    'imager pixel spacing only': shown(ImagerPixelSpacing=[0.07, 0.07]),
    'no preamble': shown(write=lambda dataset, path: save(dataset, path, preamble=False)),
    'no meta group, implicit': shown(write=save_bare, syntax=SYNTAXES['implicit little endian']),
    'no meta group, explicit': shown(write=save_bare),
    **{f'{name}': shown(syntax=syntax) for name, syntax in SYNTAXES.items()},
    **{
        f'{name}, signed': shown(SIGNED, WindowCenter=0, syntax=syntax)
        for name, syntax in SYNTAXES.items()
        if name != 'HTJ2K'
    },
    **{
        f'{name}, 8 bits': unwindowed(EIGHT_BITS, HALF_OF_8_BITS, 255, bits=8, syntax=syntax)
        for name, syntax in SYNTAXES.items()
        if not name.startswith('JPEG lossless')
    },
    'JPEG lossless, predictor 4': shown(syntax=JPEGLossless, encoder=lossless(4)),
    **{
        f'{name}, 8 bits in 16': unwindowed(
            EIGHT_BITS.astype(np.uint16),
            HALF_OF_8_BITS,
            255,
            syntax=syntax,
            bits=8,
            encoder=encoder,
            outside=name != 'JPEG lossless',  # pydicom refuses it
        )
        for name, syntax, encoder in (
            ('JPEG lossless', JPEGLossless, lambda p: lossless(1, 8)(p.astype(np.uint8))),
            ('JPEG-LS', JPEGLSLossless, lambda p: jpegls_encode(p.astype(np.uint8))),
            ('JPEG 2000', JPEG2000Lossless, None),
        )
    },
    'JPEG-LS, two levels off': unwindowed(
        LEVELS * np.uint16(16), 3, WHITE * 16, bits=16, syntax=JPEGLSNearLossless
    ),
    'JPEG 2000, lossy': shown(syntax=JPEG2000, tolerance=65),
    'JPEG, 8 bits': unwindowed(EIGHT_BITS, 4 * 257, 255, bits=8, syntax=JPEGBaseline8Bit),
    'JPEG, 12 bits': shown(syntax=JPEGExtended12Bit, tolerance=257),
}

REFUSALS = {
    'for processing': Refusal(
        lambda: vendor(PresentationIntentType='FOR PROCESSING'), r'raw detector data'
    ),
    'for processing by its class': Refusal(
        lambda: vendor(SOPClassUID=FOR_PROCESSING, PresentationIntentType=None),
        r'raw detector data',
    ),
    'tomosynthesis': Refusal(
        lambda: vendor(NumberOfFrames=2, PixelData=('OW', LEVELS.tobytes() * 2)), r'2 frame\(s\)'
    ),
    'colour': Refusal(
        lambda: vendor(
            np.hstack([EIGHT_BITS] * 3),
            8,
            Columns=96,
            SamplesPerPixel=3,
            PhotometricInterpretation='RGB',
            PlanarConfiguration=0,
        ),
        r'frame\(s\) of RGB',
    ),
    'palette': Refusal(
        lambda: vendor(EIGHT_BITS, 8, PhotometricInterpretation='PALETTE COLOR'), 'PALETTE COLOR'
    ),
    'no photometric interpretation': Refusal(
        lambda: vendor(PhotometricInterpretation='', PresentationLUTShape=None), 'is missing'
    ),
    'twelve bits at the upper end': Refusal(
        lambda: vendor(LEVELS << 4, HighBit=15), r'pixels use 16 bits, Bits Stored says 12'
    ),
    'padding that would be grey': Refusal(
        lambda: vendor(_corner(SIGNED, -32768), PixelPaddingValue=('SS', -32768)),
        r'pixels use 16 bits, Bits Stored says 12',
    ),
    'JPEG-LS of another sign': Refusal(
        lambda: vendor(SIGNED, syntax=JPEGLSLossless, encoder=lambda p: jpegls_encode(p & 4095)),
        r'12 bits, Bits Stored says 12, one of them for the sign',
    ),
    'window of negative width': Refusal(
        lambda: vendor(WindowCenter=9, WindowWidth=-4), r'Window Width -4'
    ),
    'window beside the image': Refusal(
        lambda: vendor(WindowCenter=60000, WindowWidth=4), r'every pixel alike'
    ),
    'unknown window function': Refusal(lambda: vendor(**WINDOW, VOILUTFunction='CUBIC'), 'CUBIC'),
    'cut table': Refusal(
        lambda: vendor(VOILUTSequence=_cut(lut(RAMP))), r'4096 entries, LUT Data holds 4000'
    ),
    'MPEG-4': Refusal(
        lambda: vendor(syntax=MPEG4HP41, encoder=lossless(1)), 'MPEG-4 AVC.* is not supported'
    ),
    'JPEG XL': Refusal(
        lambda: vendor(syntax=MPEG4HP41, encoder=lossless(1)),
        r'Transfer Syntax \S+110 is not supported',
        syntax_as('1.2.840.10008.1.2.4.110'),
    ),
    'private syntax': Refusal(
        lambda: vendor(syntax=MPEG4HP41, encoder=lossless(1)),
        r'Transfer Syntax \S+12 is not supported',
        syntax_as('1.2.840.113619.5.999.12'),
    ),
}


def _cut(sequence):
    sequence[0].LUTData = sequence[0].LUTData[:8000]
    return sequence


def write(case, name, folder):
    """Write the file of a case, which is called like it, and return its path."""
    path = folder / f'{name.replace(",", "").replace(" ", "_")}.dcm'
    return case.write(case.make(), path)
