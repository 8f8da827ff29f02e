"""Loading transforms: read the image and the mask of an index row."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import INTENSITIES, map_intensity, read_image, read_labels
from mmseg_mammo.io.mask import binarise
from mmseg_mammo.transforms.levels import levels_of


@TRANSFORMS.register_module()
class LoadMammogram(BaseTransform):
    """Read a PNG, JPEG, TIFF or DICOM mammogram as H×W×3 with equal channels.

    8- and 16-bit images keep their depth through mmseg's resizing, flipping and cropping;
    ``MammoCLAHE`` rounds to 8 bits. End the pipeline with ``PackMammogram`` before ``PackSegInputs``.

    Required Keys:

    - img_path

    Added Keys:

    - img (uint8 or uint16, H×W×3; see :func:`true_depth`)
    - img_shape, ori_shape (H, W)
    - grey_levels (name of the dtype, highest level), for :class:`.PackMammogram`

    Args:
        intensity: One of ``'stored'``, ``'minmax'``, ``'percentile'``; see
            :func:`map_intensity`.
        percentiles: For ``intensity='percentile'``.
        voi: Whether a DICOM file's window or VOI LUT is applied.
    """

    def __init__(
        self,
        *,
        intensity: str = 'minmax',
        percentiles: tuple[float, float] = (1.0, 99.0),
        voi: bool = True,
    ) -> None:
        if intensity not in INTENSITIES:
            raise ValueError(f'intensity={intensity!r}: allowed are {", ".join(INTENSITIES)}')
        self.intensity = intensity
        self.percentiles = (percentiles[0], percentiles[1])
        self.voi = voi

    def transform(self, results: dict) -> dict:
        """Add the image of ``results['img_path']``."""
        grey = read_image(Path(results['img_path']), voi=self.voi)
        grey = map_intensity(grey, self.intensity, self.percentiles)
        results['img'] = np.repeat(grey[..., None], 3, axis=-1)
        results['img_shape'] = results['ori_shape'] = grey.shape
        results['grey_levels'] = levels_of(grey)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(intensity={self.intensity!r}, voi={self.voi})'


@TRANSFORMS.register_module()
class LoadLesionMask(BaseTransform):
    """Read the mask of an image as {0, 1}: anything above half of its maximum is lesion.

    mmseg's ``LoadAnnotations`` keeps values: 255 becomes the ignore label, 65280 becomes 0.
    A normal image (``annotated='normal'``) gets an empty mask. A lone image, as of mmseg's
    ``inference_model``, has neither a row of an index nor a mask file, and gets no mask at all.

    Required Keys:

    - seg_map_path (str, or None)
    - annotated
    - ori_shape

    Added Keys:

    - gt_seg_map (uint8, H×W, values 0 and 1)

    Modified Keys:

    - seg_fields
    """

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
        if results['annotated'] != 'lesion':
            raise DataFileError(
                f'{results["img_path"]}: nobody annotated this image, so it has no mask',
                'images whose index row says annotated=lesion or annotated=normal',
                'Set annotated_only=True in the dataset of the config',
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
