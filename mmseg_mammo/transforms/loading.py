"""Loading transforms: read the image, the mask and the prompts of an index row."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import read_image, read_labels
from mmseg_mammo.io.mask import binarise
from mmseg_mammo.io.prompts import read_prompts
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


@TRANSFORMS.register_module()
class LoadPrompts(BaseTransform):
    """Add the prompts of an image, for ``SAMSegmentor(prompts_from='given')``.

    They stay in pixels of the prepared image, whatever resizing follows or went before.

    Required Keys:

    - img_path, image
    - ori_shape

    Added Keys:

    - prompts (see :func:`read_prompts`)

    Args:
        file: Name of the table, in the folder of the index.
    """

    def __init__(self, *, file: str = 'prompts.csv') -> None:
        self.file = file
        self._tables: dict[Path, dict[str, dict[str, Any]]] = {}

    def check_images(self, items: Sequence[dict]) -> None:
        """See that all images of a dataset have prompts; called when the dataset is made.

        Args:
            items: With ``image`` and ``img_path`` each.

        Raises:
            DataFileError: Some have none.
        """
        found = [self._table_of(item) for item in items]
        missing = [
            item['image']
            for item, (_, table) in zip(items, found, strict=True)
            if item['image'] not in table
        ]
        if missing:
            raise DataFileError(
                f'{found[0][0]}: no prompts for {len(missing)} of {len(items)} images: '
                f'{", ".join(missing[:5])}{" …" if len(missing) > 5 else ""}',
                'a point or a box for every image of the split',
                'Add rows for them; column image is as in index.csv',
            )

    def transform(self, results: dict) -> dict:
        """Add ``prompts``.

        Raises:
            DataFileError: The image has none, or one lies outside.
        """
        self.check_images([results])
        path, table = self._table_of(results)
        prompts = table[results['image']]
        self._check_inside(prompts, results['ori_shape'], f'{path}: {results["image"]}')
        results['prompts'] = prompts
        return results

    def _table_of(self, item: dict) -> tuple[Path, dict[str, dict[str, Any]]]:
        """The file beside the index of an image, and what it says."""
        depth = len(PurePosixPath(item['image']).parts)
        path = Path(item['img_path']).parents[depth - 1] / self.file
        if path not in self._tables:
            self._tables[path] = read_prompts(path)
        return path, self._tables[path]

    def _check_inside(self, prompts: dict[str, Any], shape: tuple[int, int], place: str) -> None:
        corners = [corner for box in prompts['boxes'] or [] for corner in (box[:2], box[2:])]
        for x, y in [point for points in prompts['points'] for point in points] + corners:
            if not (0 <= x <= shape[1] - 1 and 0 <= y <= shape[0] - 1):
                raise DataFileError(
                    f'{place}: the prompt at x={x}, y={y} lies outside',
                    f'x from 0 to {shape[1] - 1}, y from 0 to {shape[0] - 1}',
                    'Coordinates are pixels of the prepared image, not of the original one',
                )

    def __repr__(self) -> str:
        return f'{type(self).__name__}(file={self.file!r})'
