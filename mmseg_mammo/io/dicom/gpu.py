"""GPU decoder of JPEG 2000 in DICOM: nvImageCodec as a plug-in of pydicom, where a user asks for it."""

from functools import lru_cache
from importlib import import_module

from mmseg_mammo.errors import HostError

_PLUGIN = 'nvidia.nvimgcodec.tools.dicom.pydicom_plugin'


@lru_cache(maxsize=1)
def use_nvimagecodec() -> None:
    """Let pydicom decode JPEG 2000 and HTJ2K by nvImageCodec, in this process from now on.

    What it cannot decode falls to the decoders that are there. JPEG and lossless JPEG stay with them
    too: they are checked for damage by what those decoders do.

    Raises:
        HostError: nvImageCodec is not installed.
    """
    try:
        plugin = import_module(_PLUGIN)
    except ImportError as error:
        raise HostError(
            f'--nvimagecodec: nvImageCodec cannot be imported ({error})',
            remedy="Install it by pip install 'nvidia-nvimgcodec-cu12[nvjpeg2k]>=0.8' cupy-cuda12x, or "
            'leave the option out: the same images are decoded by the processor',
        ) from error
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEGBaseline8Bit, JPEGLossless, JPEGLosslessSV1

    checked = [get_decoder(uid) for uid in (JPEGBaseline8Bit, JPEGLossless, JPEGLosslessSV1)]
    before = [set(decoder.available_plugins) for decoder in checked]
    plugin.register()
    for decoder, labels in zip(checked, before, strict=True):
        for label in set(decoder.available_plugins) - labels:
            decoder.remove_plugin(label)
