"""Inference pipeline: runs the image transforms of a test pipeline on a new image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, LoadImageFromFile, Resize
from mmseg.registry import TRANSFORMS

from mmseg_mammo.engine.config.image_steps import touches_image
from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms.intensity import MapIntensity
from mmseg_mammo.transforms.loading import LoadMammogram, ReadMammogram
from mmseg_mammo.transforms.shrinking import ShrinkMammogram


def build_image_steps(
    pipeline: Sequence[Mapping[str, Any]],
) -> tuple[MapIntensity, list[BaseTransform]]:
    """The steps of a pipeline that change the image: grey-level mapping, and the others in order.

    Args:
        pipeline: Of a dataset in a config. It begins with a step that reads and with
            ``MapIntensity``, or with ``LoadMammogram``, which does both.

    Raises:
        MammoError: It begins in another way.
    """
    steps = [TRANSFORMS.build(step) for step in pipeline if touches_image(step)]
    if steps and isinstance(steps[0], LoadMammogram):
        return steps[0], steps[1:]
    reads = bool(steps) and isinstance(steps[0], (ReadMammogram, LoadImageFromFile))
    if reads and len(steps) > 1 and isinstance(steps[1], MapIntensity):
        return steps[1], steps[2:]
    raise MammoError(
        f'a test pipeline of {", ".join(type(s).__name__ for s in steps) or "no steps"}: '
        'it is not known what it does to grey levels',
        'a pipeline that begins with ReadMammogram and MapIntensity',
        'Say it in the call, such as SAMPredictor(model, intensity="minmax")',
    )


def level_changing_steps(steps: Sequence[BaseTransform]) -> list[str]:
    """Names of the steps that change more than the size of an image."""
    size = Resize, ShrinkMammogram
    return [type(step).__name__ for step in steps if not isinstance(step, size)]


def run_steps(
    steps: Sequence[BaseTransform], image: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Run the steps behind the mapping of grey levels on the image alone.

    Args:
        steps: Of :func:`build_image_steps`.
        image: H×W×3, uint8 or uint16, its grey levels mapped as the pipeline maps them.
        size: (H', W') of the result.

    Returns:
        H'×W'×3.

    Raises:
        MammoError: The image has colours and a step is not only resizing; or what comes of it
            has another size or is flipped.
    """
    others = level_changing_steps(steps)
    if others and (image != image[..., :1]).any():
        raise MammoError(f'colours for {", ".join(others)} of the test pipeline', 'a grey image')
    shape = image.shape[:2]
    results: Any = {'img': image, 'img_shape': shape, 'ori_shape': shape, 'seg_fields': []}
    for step in steps:
        results = step(results)
    if 'img' not in results or results.get('flip') or results['img'].shape[:2] != size:
        raise MammoError(
            f'a test pipeline with {", ".join(type(step).__name__ for step in steps)}',
            f'one that resizes an image of {shape[0]}×{shape[1]} to {size[0]}×{size[1]} pixels, '
            'and neither crops nor flips it',
            'Say in the call what is done instead, such as SAMPredictor(model, intensity="minmax")',
        )
    return results['img']


def find_test_pipeline(model: Any) -> Sequence[Mapping[str, Any]] | None:
    """The test pipeline in the config of a model; None without a config or a test loader."""
    cfg = getattr(model, 'cfg', None)
    loader = cfg.get('test_dataloader') if cfg is not None else None
    return loader['dataset'].get('pipeline', ()) if loader else None
