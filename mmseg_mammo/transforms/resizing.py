"""Resizing transforms: scale image and mask together; shrink a large image as the preparation does."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mmcv.image import imresize
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmseg.datasets.transforms import Resize
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.image import resize_image, resize_mask, scale_to_long_side
from mmseg_mammo.transforms.intensity import grey_channel, three_channels


def fit_shape(wanted: tuple[float, float], most: tuple[int, int] | None) -> tuple[int, int]:
    """The (H, W) of a size that is shrunk, its aspect ratio kept, until it fits.

    Args:
        wanted: Height and width in pixels, not rounded.
        most: (H, W) that it has to fit into; None: any.

    >>> fit_shape((300.0, 200.0), (224, 224)), fit_shape((100.4, 60.0), (224, 224))
    ((224, 149), (100, 60))
    """
    shares = [] if most is None else [n / size for n, size in zip(most, wanted, strict=True)]
    factor = min(1.0, *shares) if shares else 1.0
    return max(1, round(wanted[0] * factor)), max(1, round(wanted[1] * factor))


@TRANSFORMS.register_module()
class ResizeMammogram(Resize):
    """mmseg's ``Resize``, but no lesion vanishes from the mask, and an image may keep its scale.

    Nearest neighbour alone drops lesions of a few pixels at 224² and leaves their images with an
    empty truth. Keys are those of ``mmseg.datasets.transforms.Resize``; masks (``seg_fields``) are
    uint8, H×W, 0 as background. Images of different shapes need
    :class:`.PaddedDataPreProcessor`.

    Required Keys:

    - img
    - extent_mm, or spacing_mm and ori_shape (only for ``mm_per_pixel``)
    - original_height, original_width (optional; else the file is the original)

    Args:
        scale: (width, height); with ``mm_per_pixel`` the largest image: a larger one is shrunk
            until it fits, which is said once.
        scale_factor: Of mmcv's ``Resize``, as the next three.
        keep_ratio: Whether the aspect ratio of the file is kept, within ``scale``.
        clip_object_border: For boxes.
        backend: ``'cv2'`` or ``'pillow'``.
        interpolation: ``'area'`` takes means, and does not alias fine structures as the default,
            ``'bilinear'``, does.
        mm_per_pixel: Of the result, in height and in width; needs ``extent_mm`` of each image. It
            undoes a preparation that has stretched the image.
        mm_if_unknown: Of a pixel of the original image, for images whose spacing nobody knows.
            None refuses them.
        aspect: ``'original'`` keeps the aspect ratio of the original image, and undoes a
            preparation that has stretched it. None: ``keep_ratio`` alone decides.
        compare_on: ``'input'`` lets predictions stay on this grid (``ori_shape``), for crops whose
            mask is resized with them. None: they come back to the grid of the file.

    Raises:
        MammoError: Settings that contradict each other, or no positive length.
    """

    cacheable = True

    def __init__(
        self,
        *,
        scale: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        keep_ratio: bool = False,
        clip_object_border: bool = True,
        backend: str = 'cv2',
        interpolation: str = 'bilinear',
        mm_per_pixel: float | None = None,
        mm_if_unknown: float | None = None,
        aspect: str | None = None,
        compare_on: str | None = None,
    ) -> None:
        super().__init__(
            scale=scale,
            scale_factor=scale_factor,
            keep_ratio=keep_ratio,
            clip_object_border=clip_object_border,
            backend=backend,
            interpolation=interpolation,
        )
        self.mm_per_pixel, self.mm_if_unknown = mm_per_pixel, mm_if_unknown
        self.aspect, self.compare_on = aspect, compare_on
        self._check()

    def _check(self) -> None:
        lengths = [self.mm_per_pixel, self.mm_if_unknown]
        if any(length is not None and not length > 0 for length in lengths):
            raise MammoError(f'{self}: a length of no millimetres', 'positive numbers')
        if self.compare_on not in (None, 'input'):
            raise MammoError(f'compare_on={self.compare_on!r} of ResizeMammogram', "None, 'input'")
        if self.aspect not in (None, 'original'):
            raise MammoError(f'aspect={self.aspect!r} of ResizeMammogram', "None, 'original'")
        if self.mm_per_pixel is None and self.mm_if_unknown is not None:
            raise MammoError(f'{self}: mm_if_unknown without mm_per_pixel', 'both, or neither')
        if self.mm_per_pixel is not None and self.aspect:
            raise MammoError(
                f'{self}: aspect beside mm_per_pixel', 'one of the two', 'Millimetres decide'
            )
        if (self.mm_per_pixel or self.aspect) and not isinstance(self.scale, (tuple, list)):
            raise MammoError(f'{self}: no largest size', 'scale=(width, height)')

    def _resize_img(self, results: dict) -> None:
        shape = self._own_shape(results)
        if shape is None:
            super()._resize_img(results)
            return
        height, width = results['img'].shape[:2]
        size = (shape[1], shape[0])
        results['img'] = imresize(
            results['img'], size, interpolation=self.interpolation, backend=self.backend
        )
        results['img_shape'] = shape
        results['scale_factor'] = size[0] / width, size[1] / height
        results['keep_ratio'] = self.keep_ratio

    def _own_shape(self, results: Mapping[str, Any]) -> tuple[int, int] | None:
        """(H, W) by millimetres or by the original's aspect ratio; None where mmcv decides."""
        if not (self.mm_per_pixel or self.aspect):
            return None
        most = (self.scale[1], self.scale[0])
        if self.mm_per_pixel is None:
            height, width = _original_shape(results)
            factor = max(most) / min(height, width)  # large enough to be shrunk
            return fit_shape((height * factor, width * factor), most)
        extent = self._extent(results)
        wanted = (extent[0] / self.mm_per_pixel, extent[1] / self.mm_per_pixel)
        shape = fit_shape(wanted, most)
        if max(wanted[0] - shape[0], wanted[1] - shape[1]) > 1:
            _say_once(
                f'ResizeMammogram: images of more than {most[0]}×{most[1]} pixels of '
                f'{self.mm_per_pixel:g} mm are shrunk until they fit: their pixels are larger'
            )
        return shape

    def _extent(self, results: Mapping[str, Any]) -> tuple[float, float]:
        """Height and width of the image in mm."""
        if results.get('extent_mm'):
            return results['extent_mm']
        if results.get('spacing_mm'):  # of the file, as its header has it
            rows, columns = results['spacing_mm']
            height, width = results['ori_shape']
            return height * rows, width * columns
        if self.mm_if_unknown is None:
            raise DataFileError(
                f'{results.get("img_path") or "an array"}: the size of its pixels is unknown, and '
                f'mm_per_pixel={self.mm_per_pixel:g} needs it',
                'a DICOM header, or a column pixel_spacing of the index, that tells it',
                'Prepare or predict with a column spacing_mm in the table, or set '
                'mm_if_unknown of ResizeMammogram to the mm of a pixel of the original image',
            )
        height, width = _original_shape(results)
        return height * self.mm_if_unknown, width * self.mm_if_unknown

    def _resize_seg(self, results: dict) -> None:
        height, width = results['img'].shape[:2]
        if self.compare_on:
            results['ori_shape'] = (height, width)
        for name in results.get('seg_fields', ()):
            results[name] = resize_mask(results[name], (height, width))

    def __repr__(self) -> str:
        own = ('mm_per_pixel', 'mm_if_unknown', 'aspect', *['compare_on'] * bool(self.compare_on))
        settings = ''.join(f', {key}={vars(self).get(key)!r}' for key in own)
        return f'{super().__repr__()[:-1]}{settings})'


def _original_shape(results: Mapping[str, Any]) -> tuple[int, int]:
    """(H, W) of the original image; of a file that was not prepared its own."""
    if results.get('original_height'):
        return results['original_height'], results['original_width']
    shape = results.get('ori_shape') or results['img'].shape
    return shape[0], shape[1]


@lru_cache(maxsize=64)
def _say_once(text: str) -> None:
    print_log(text, 'current', 30)


@TRANSFORMS.register_module()
class ShrinkMammogram(BaseTransform):
    """Shrink an image whose longer side is too long, by area, as the preparation does.

    An original file is then given to a model as a prepared one: put it between ``ReadMammogram``
    and ``MapIntensity``. Smaller images stay as they are, bit for bit. ``ori_shape`` stays that of
    the file, so that predictions come back on its grid and prompts stay in its pixels. Masks are
    not touched: ``LoadLesionMask`` reads them on the grid of the file, ``ResizeMammogram`` takes
    them to that of the image.

    Required Keys:

    - img (uint8 or uint16; H×W, H×W×1, or H×W×3 with equal channels)

    Modified Keys (only if it shrinks):

    - img (H×W×3), img_shape (H, W)
    - scale_factor (of width and of height), which a later ``Resize`` writes anew for its own part

    Added Keys (only if it shrinks):

    - prepared_shape (H, W), for :class:`.LoadPrompts`

    Args:
        long_side: Pixels; 0 changes nothing.
    """

    cacheable = True

    def __init__(self, *, long_side: int) -> None:
        scale_to_long_side((1, 1), long_side)  # refuses a negative one before the first image
        self.long_side = long_side

    def transform(self, results: dict) -> dict:
        """Shrink ``results['img']``.

        Raises:
            DataFileError: The image has colours, or is of another dtype or shape.
        """
        height, width = results['img'].shape[:2]
        shape = scale_to_long_side((height, width), self.long_side)
        if shape == (height, width):
            return results
        results['img'] = three_channels(resize_image(grey_channel(results), shape))
        results['img_shape'] = results['prepared_shape'] = shape
        earlier = results.get('scale_factor', (1.0, 1.0))
        results['scale_factor'] = (
            earlier[0] * shape[1] / width,
            earlier[1] * shape[0] / height,
        )
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(long_side={self.long_side})'
