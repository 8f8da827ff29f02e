"""Full image: keeps the pixels that an image has before it is resized, for models that look at both."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms.intensity import grey_channel
from mmseg_mammo.transforms.levels import grey_of

# Key of a pipeline, and field of a sample.
KEPT, FIELD = 'full_img', 'full_image'


class FullImage(PixelData):
    """Pixels that stay where they are when a sample is moved to the device of the model.

    They are as large as the original, and crops are cut out of them on the host.
    """

    def to(self, *place: Any, **options: Any) -> 'FullImage':
        """Itself."""
        return self


@TRANSFORMS.register_module()
class KeepFullImage(BaseTransform):
    """Keep the image as it is now, beside the one that later steps resize.

    It stands behind ``MapIntensity`` and ``MammoCLAHE``, and before the resizing.
    ``PackMammogram`` gives it to the sample as ``full_image``, from which
    :class:`.TwoStageSegmentor` takes its crops. What follows may resize the image, but neither crop,
    pad nor flip it: places on both would be others.

    Required Keys:

    - img (uint8 or uint16, H×W×3 with equal channels)

    Added Keys:

    - full_img (uint8 or uint16, H×W)
    - extent_mm (of a file whose header tells it by ``spacing_mm``)
    """

    deterministic = one_channel = True

    def transform(self, results: dict) -> dict:
        """Add ``full_img``.

        Raises:
            DataFileError: The image has colours, or is of another dtype.
            MammoError: It is flipped already.
        """
        _refuse_flip(results)
        image = results['img']
        one_memory = image.ndim == 3 and not image.strides[2]
        results[KEPT] = grey_of(image) if one_memory else grey_channel(results)
        if results.get('spacing_mm') and not results.get('extent_mm'):
            pairs = zip(results['ori_shape'], results['spacing_mm'], strict=True)
            results['extent_mm'] = tuple(pixels * mm for pixels, mm in pairs)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def pack_full_image(results: Mapping[str, Any]) -> FullImage | None:
    """The kept image of a pipeline as 1×H×W uint8, or int32 of 16 bits; None if there is none.

    torch has no uint16 to count with.

    Args:
        results: With ``img`` as it is given to the network.

    Raises:
        MammoError: A step behind :class:`KeepFullImage` did more than to resize it.
    """
    full = results.get(KEPT)
    if full is None:
        return None
    _refuse_flip(results)
    factor = results.get('scale_factor', (1.0, 1.0))
    wanted = tuple(n * f for n, f in zip(full.shape[::-1], factor, strict=True))
    found = results['img'].shape[1::-1]
    if any(abs(a - b) > 1 for a, b in zip(wanted, found, strict=True)):
        raise MammoError(
            f'{results.get("img_path") or "an array"}: {found[0]}×{found[1]} pixels of an image '
            f'whose full one, of {full.shape[1]}×{full.shape[0]}, was resized to '
            f'{wanted[0]:.0f}×{wanted[1]:.0f}',
            'steps that resize only, behind KeepFullImage',
            'Take steps that crop or pad out of the pipeline; data_preprocessor may pad',
        )
    kept = full if full.dtype == np.uint8 else full.astype(np.int32)
    return FullImage(data=torch.from_numpy(np.require(kept, requirements=('C', 'W')))[None])


def full_pixels(field: PixelData) -> np.ndarray:
    """The image that :func:`pack_full_image` packed: H×W, uint8 or uint16."""
    pixels: np.ndarray = field.data[0].cpu().numpy()
    return pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)


def refuse_kept(results: Mapping[str, Any], step: str) -> None:
    """Refuse a step that would move the image, and not the full one.

    Args:
        results: Of a pipeline.
        step: Its name.

    Raises:
        MammoError: There is a full one.
    """
    if KEPT in results:
        raise MammoError(
            f'{results.get("img_path") or "an array"}: {step} behind KeepFullImage',
            'steps that resize only',
            'Take one of the two out of the pipeline',
        )


def _refuse_flip(results: Mapping[str, Any]) -> None:
    if results.get('flip'):
        raise MammoError(
            f'{results.get("img_path") or "an array"}: KeepFullImage beside a flipped image',
            'an image that lies as its file',
            'Take RandomFlip out of this pipeline',
        )
