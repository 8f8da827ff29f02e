"""Viewer hook: saves small pictures of every tested image for the report's viewer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.io.image import read_image, resize_mask, scale_to_long_side, write_picture
from mmseg_mammo.io.image_keys import keys_by_path
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.run_folder import VIEWER, picture_names
from mmseg_mammo.models.one_by_one import where
from mmseg_mammo.visualization.overlay import grey_picture

LONG_SIDE = 384


@HOOKS.register_module()
class ViewerHook(Hook):
    """Save image, truth and prediction of every tested image to ``viewer/`` of the run's folder.

    ``<key>.jpg`` is the image; ``<key>_truth.png`` and ``<key>_predicted.png`` are masks of one
    bit per pixel on the same grid, where no lesion vanishes; an empty one has no file, nor has the
    truth of an image whose lesion nobody outlined. The key is that of the per-image table. Every process saves its own images.

    Args:
        long_side: Pixels of the longer side; smaller images stay as they are.
    """

    def __init__(self, *, long_side: int = LONG_SIDE) -> None:
        self.long_side = long_side
        self._keys: dict[str, str] = {}

    def before_test_epoch(self, runner: Any) -> None:
        """Name the images."""
        self._keys = keys_by_path(runner.test_dataloader.dataset)

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Save the images of the batch that have a truth."""
        folder = Path(runner.log_dir) / VIEWER
        for sample in where(outputs, lambda s: 'gt_sem_seg' in s):
            truth, predicted = (
                data.data[0].cpu().numpy() > 0 for data in (sample.gt_sem_seg, sample.pred_sem_seg)
            )
            truth &= not is_image_label(sample.metainfo)
            image = read_image(Path(sample.img_path))
            key = self._keys[sample.img_path]
            write_viewer_pictures(folder, key, image, truth, predicted, self.long_side)


def write_viewer_pictures(
    folder: Path,
    key: str,
    image: np.ndarray,
    truth: np.ndarray,
    predicted: np.ndarray,
    long_side: int = LONG_SIDE,
) -> None:
    """Write the pictures of one image; an empty mask has no file.

    Args:
        folder: ``viewer/`` of a run.
        key: Of the table of images.
        image: H×W, uint8 or uint16.
        truth: H×W bool.
        predicted: H×W bool.
        long_side: Pixels of the longer side; smaller images stay as they are.
    """
    shape = scale_to_long_side((image.shape[0], image.shape[1]), long_side)
    name, *names = picture_names(key)
    write_picture(folder / name, grey_picture(image, shape), cv2.IMWRITE_JPEG_QUALITY, 85)
    for name, whole in zip(names, (truth, predicted), strict=True):
        mask = resize_mask(whole, shape)
        if mask.any():
            pixels = mask.astype(np.uint8) * 255
            write_picture(folder / name, pixels, cv2.IMWRITE_PNG_BILEVEL, 1)
