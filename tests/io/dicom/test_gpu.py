"""nvImageCodec decodes JPEG 2000 if it is asked for and there; nothing else changes."""

import sys
from types import ModuleType

import imagecodecs
import numpy as np
import pytest
from pydicom.pixels import get_decoder
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

from mmseg_mammo.errors import HostError
from mmseg_mammo.io.dicom.gpu import use_nvimagecodec
from mmseg_mammo.io.dicom.reader import read_dicom

NAME = 'nvidia.nvimgcodec.tools.dicom.pydicom_plugin'
LABEL = '0.8.0+nvimgcodec'


@pytest.fixture(autouse=True)
def fresh():
    use_nvimagecodec.cache_clear()
    yield
    use_nvimagecodec.cache_clear()
    for syntax in (JPEG2000Lossless, JPEGLosslessSV1):
        decoder = get_decoder(syntax)
        if LABEL in decoder.available_plugins:
            decoder.remove_plugin(LABEL)


@pytest.fixture
def plugin(monkeypatch):
    """A plug-in like that of NVIDIA, which says what it was asked to decode, and cannot."""
    module = ModuleType(NAME)
    module.asked = []

    def decode(source, runner):
        module.asked.append(str(runner.transfer_syntax))
        raise RuntimeError('no GPU')

    def register():
        for syntax in (JPEG2000Lossless, JPEGLosslessSV1):
            decoder = get_decoder(syntax)
            decoder.add_plugin(LABEL, (NAME, 'decode'))
            decoder._available = dict(sorted(decoder._available.items()))

    module.decode, module.register = decode, register
    module.is_available = lambda uid: True
    module.DECODER_DEPENDENCIES = {JPEG2000Lossless: (), JPEGLosslessSV1: ()}
    parts = NAME.split('.')
    for number in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, '.'.join(parts[:number]), ModuleType(parts[number - 1]))
    monkeypatch.setitem(sys.modules, NAME, module)
    return module


def test_jpeg_2000_goes_to_the_plugin_and_what_it_cannot_decode_to_the_others(plugin, save_dicom):
    pixels = np.random.default_rng(0).integers(0, 4096, (40, 30)).astype(np.uint16)
    frame = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat='j2k', bitspersample=12)
    path = save_dicom(pixels, frames=frame, syntax=JPEG2000Lossless, BitsStored=12)
    expected, _ = read_dicom(path)
    np.testing.assert_array_equal(expected, pixels)
    assert plugin.asked == []
    use_nvimagecodec()
    found, _ = read_dicom(path)
    assert plugin.asked == [JPEG2000Lossless]
    np.testing.assert_array_equal(found, expected)


def test_lossless_jpeg_stays_with_the_decoders_that_tell_its_damage(plugin):
    use_nvimagecodec()
    assert LABEL in get_decoder(JPEG2000Lossless).available_plugins
    assert LABEL not in get_decoder(JPEGLosslessSV1).available_plugins


def test_without_it_a_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, 'nvidia.nvimgcodec', None)
    with pytest.raises(HostError, match=r'nvImageCodec cannot be imported .* leave the option out'):
        use_nvimagecodec()
