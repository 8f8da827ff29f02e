"""Loading transforms: read the image and the mask of an index row."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import read_image, read_labels
from mmseg_mammo.io.mask import IGNORED, binarise, is_image_label
from mmseg_mammo.transforms.intensity import MapIntensity, three_channels


@TRANSFORMS.register_module()
class ReadMammogram(BaseTransform):
    """Read a PNG, JPEG, TIFF or DICOM mammogram as H×W×3 with equal channels, levels as stored.

    ``MapIntensity`` follows it. Apart from that step, it can be replaced by another one that loads,
    as MMSegmentation's ``inference_model`` does where it is given arrays.

    Required Keys:

    - img_path

    Added Keys:

    - img (uint8 or uint16, H×W×3)
    - img_shape, ori_shape (H, W)

    Args:
        voi: Whether a DICOM file's window or VOI LUT is applied.
    """

    cacheable = True

    def __init__(self, *, voi: bool = True) -> None:
        self.voi = voi

    def transform(self, results: dict) -> dict:
        """Add the image of ``results['img_path']``."""
        grey = read_image(Path(results['img_path']), voi=self.voi)
        results['img'] = three_channels(grey)
        results['img_shape'] = results['ori_shape'] = grey.shape
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(voi={self.voi})'


@TRANSFORMS.register_module()
class LoadMammogram(MapIntensity):
    """``ReadMammogram`` and ``MapIntensity`` in one step, as in configs of earlier versions.

    MMSegmentation's ``inference_model`` cannot be given arrays with it.

    Required Keys:

    - img_path

    Added Keys:

    - img (uint8 or uint16, H×W×3; see :func:`true_depth`)
    - img_shape, ori_shape (H, W)
    - grey_levels (name of the dtype, highest level), for :class:`.PackMammogram`

    Args:
        intensity: As of ``MapIntensity``.
        percentiles: As of ``MapIntensity``.
        voi: Whether a DICOM file's window or VOI LUT is applied.
    """

    cacheable = True

    def __init__(
        self,
        *,
        intensity: str = 'minmax',
        percentiles: tuple[float, float] = (1.0, 99.0),
        voi: bool = True,
    ) -> None:
        super().__init__(intensity=intensity, percentiles=percentiles)
        self.voi = voi

    def transform(self, results: dict) -> dict:
        """Add the image of ``results['img_path']``."""
        grey = read_image(Path(results['img_path']), voi=self.voi)
        results['img'] = grey
        results['img_shape'] = results['ori_shape'] = grey.shape
        return super().transform(results)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(intensity={self.intensity!r}, voi={self.voi})'


@TRANSFORMS.register_module()
class LoadLesionMask(BaseTransform):
    """Read the mask of an image as {0, 1}: anything above half of its maximum is lesion.

    mmseg's ``LoadAnnotations`` keeps values: 255 becomes the ignore label, 65280 becomes 0.
    A normal image (``annotated='normal'``) gets an empty mask, and one that has an image label alone
    (``mask_kind='image-label'``) a mask of 255, which losses ignore. A lone image, as of mmseg's
    ``inference_model``, has neither a row of an index nor a mask file, and gets no mask at all.

    Required Keys:

    - seg_map_path (str, or None)
    - annotated
    - mask_kind (optional)
    - ori_shape

    Added Keys:

    - gt_seg_map (uint8, H×W, values 0 and 1, or 255 everywhere)

    Modified Keys:

    - seg_fields
    """

    cacheable = one_channel = True

    def transform(self, results: dict) -> dict:
        """Add the mask of ``results['seg_map_path']``.

        Raises:
            DataFileError: The image is not annotated; or the mask is empty, has more than two
                values, or another shape than the image.
        """
        if 'annotated' not in results and 'seg_map_path' not in results:
            return results
        results['gt_seg_map'] = self._mask(results)
        results['seg_fields'].append('gt_seg_map')
        return results

    def _mask(self, results: dict) -> np.ndarray:
        if results['annotated'] == 'normal':
            return np.zeros(results['ori_shape'], np.uint8)
        if is_image_label(results):
            return np.full(results['ori_shape'], IGNORED, np.uint8)
        if results['annotated'] != 'lesion':
            raise DataFileError(
                f'{results["img_path"]}: nobody annotated this image, so it has no mask',
                'images whose index row says annotated=lesion or annotated=normal',
                'Set annotated_only=True in the dataset of the config, which leaves it out, or take '
                'mammoseg predict, which needs no annotation',
            )
        path = results['seg_map_path']
        mask = binarise(read_labels(Path(path)), path)
        if mask.shape != tuple(results['ori_shape']):
            raise DataFileError(
                f'{path}: shape {mask.shape}, but its image {results["img_path"]} has '
                f'{tuple(results["ori_shape"])}',
                'a mask on the grid of its image',
                'Prepare the data again with tools/prepare_*.py, which puts masks on that grid',
            )
        if not mask.any():
            raise DataFileError(
                f'{path}: no lesion pixel, though the index says annotated=lesion',
                remedy='Write annotated=normal and an empty mask cell if a reader found nothing',
            )
        return mask.astype(np.uint8)
