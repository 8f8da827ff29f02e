"""Step pictures: what becomes of images of a data set after each step of its pipeline."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import members
from mmseg_mammo.datasets.random_numbers import own_random_numbers
from mmseg_mammo.engine.config.image_steps import touches_image
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import rescale_to_255, resize_mask, scale_to_long_side, write_png
from mmseg_mammo.preparation.browse.look import Item, read_items
from mmseg_mammo.visualization.contact_sheet import PICTURE, Tile, draw_sheet


def step_tiles(dataset: Any, index: int, seed: int = 0) -> list[Tile]:
    """One image of a data set after every step that is about the image, with its mask.

    Args:
        dataset: Built, with a pipeline of MMCV.
        index: Of the image.
        seed: Of the augmentation.
    """
    results: Any = dataset.get_data_info(index)
    tiles: list[Tile] = []
    before = None
    with own_random_numbers([seed, index]):
        for step in dataset.pipeline.transforms:
            found = step(results)
            if found is None or 'img' not in found:  # packed, or this image is left out
                break
            results = found
            picture = np.array(results['img'])
            if touches_image({'type': type(step)}):  # a random one may leave it as it was
                same = before is not None and np.array_equal(before, picture)
                tiles.append(_tile(type(step).__name__ + ': nothing' * same, results))
            before = picture
    return _with_last_mask(tiles, results)


def write_steps(path: Path, places: Sequence[tuple[Any, int]], seed: int = 0) -> None:
    """Write a sheet with a row for each image, named below its first picture, a column for each step.

    Args:
        path: PNG file.
        places: Data sets, and the indices of images in them.
        seed: Of the augmentation.
    """
    rows = [_with_image_name(step_tiles(*place, seed), *place) for place in places]
    columns = max(map(len, rows))
    blank = Tile(np.full((1, 1), 255, np.uint8))
    tiles = [tile for row in rows for tile in (*row, *[blank] * (columns - len(row)))]
    write_png(path, draw_sheet(tiles, columns))


def browsed_data(cfg: Config, split: str) -> dict[Item, tuple[Any, int]]:
    """The images of a data loader of a config: of each the data set, and its index there.

    Args:
        cfg: Of a training or a test.
        split: ``train``, ``val`` or ``test``.

    Raises:
        MammoError: There is no such loader, or a data set of it has no ``index.csv``.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    loader = cfg.get(f'{split}_dataloader')
    if loader is None:
        raise MammoError(f'{cfg.filename}: no {split}_dataloader', remedy='Name another --split')
    found: dict[Item, tuple[Any, int]] = {}
    for dataset in members(DATASETS.build(loader['dataset'])):
        if not isinstance(dataset, MammographyDataset):
            name = type(dataset).__name__
            raise MammoError(f'{cfg.filename}: a {name}', 'data sets that read an index.csv')
        items = [item for index in dataset.indices for item in read_items(index)]
        rows = {str(item.folder / item.row.image): item for item in items}
        for index in range(len(dataset)):
            found.setdefault(rows[dataset.get_data_info(index)['img_path']], (dataset, index))
    return found


def _tile(name: str, results: Any) -> Tile:
    image = results['img'] if results['img'].ndim == 2 else results['img'][..., 0]
    shape = scale_to_long_side((image.shape[0], image.shape[1]), PICTURE)
    levels = rescale_to_255(image)
    picture = cv2.resize(levels, shape[::-1], interpolation=cv2.INTER_AREA)
    mask = results.get('gt_seg_map')
    small = None if mask is None else resize_mask(np.asarray(mask) == 1, shape)
    size = (
        f'{image.shape[0]}×{image.shape[1]} {image.dtype}, {levels.min():.0f} to {levels.max():.0f}'
    )
    return Tile(np.rint(picture).clip(0, 255).astype(np.uint8), small, None, (name, size))


def _with_image_name(tiles: list[Tile], dataset: Any, index: int) -> list[Tile]:
    name = dataset.get_data_info(index)['image'].removeprefix('images/')
    return [replace(tile, lines=(*tile.lines, name)) for tile in tiles[:1]] + tiles[1:]


def _with_last_mask(tiles: list[Tile], results: Any) -> list[Tile]:
    """The mask may be loaded behind the last step that changes the image."""
    if tiles and tiles[-1].mask is None and results.get('gt_seg_map') is not None:
        shape = tiles[-1].picture.shape
        mask = resize_mask(np.asarray(results['gt_seg_map']) == 1, (shape[0], shape[1]))
        last = tiles[-1]
        tiles[-1] = Tile(last.picture, mask, None, last.lines)
    return tiles
