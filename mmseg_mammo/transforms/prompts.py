"""Prompt transform: reads the points and boxes that a table gives for an image."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.image_names import Matches, match_names
from mmseg_mammo.io.prompts import read_prompts, scale_prompts

# Grids that coordinates may be of.
PREPARED, ORIGINAL = 'prepared', 'original'
GRIDS = (ORIGINAL, PREPARED)
_NO_OBJECT: dict[str, Any] = {'points': [], 'labels': [], 'boxes': None}


@TRANSFORMS.register_module()
class LoadPrompts(BaseTransform):
    """Add the prompts of an image, for ``SAMSegmentor(prompts_from='given')``.

    They are handed on in pixels of the file (``ori_shape``), whatever resizing follows or went before.

    Required Keys:

    - img_path
    - ori_shape
    - image (optional: the name in the index)
    - original_height, original_width (optional: of the index)
    - prepared_shape (optional: of an original that :class:`.ShrinkMammogram` has shrunk)

    Added Keys:

    - prompts (see :func:`read_prompts`; no object where the image has none)

    Args:
        file: The table: a path, or a name in the folder of the index.
        coordinates: What the pixels of the table are of: ``'prepared'`` images, which an original
            that is shrunk here stands for, or ``'original'`` ones, whose size the index tells. Else
            both are the image itself.
        required: Whether every image needs a prompt, and the table names images as the index
            does. If not, :func:`.match_names` finds them, and an image without a prompt has no
            object.
    """

    deterministic = one_channel = True

    def __init__(
        self,
        *,
        file: str = 'prompts.csv',
        coordinates: str = PREPARED,
        required: bool = True,
    ) -> None:
        if coordinates not in GRIDS:
            raise MammoError(f'coordinates={coordinates!r} of LoadPrompts', ', '.join(GRIDS))
        self.file = file
        self.coordinates = coordinates
        self.required = required
        self._tables: dict[Path, dict[str, dict[str, Any]]] = {}
        # By the path of an image, of those that were looked for already.
        self._found: dict[str, dict[str, Any]] = {}
        self._indexed: Sequence[str] = ()

    def know_index(self, images: Sequence[str]) -> None:
        """Note the names of all images of an index, of which a dataset has some."""
        self._indexed = images

    def check_images(self, items: Sequence[dict]) -> None:
        """Find the prompts of all images of a dataset; called when the dataset is made.

        Args:
            items: With the keys that :class:`LoadPrompts` requires, but for ``ori_shape``.

        Raises:
            DataFileError: An image has no prompt though it has to; a name of the table means
                several images or, of those in the index, none; no image has a prompt; or a prompt
                lies outside its original image.
        """
        if self.required:
            self._check_complete(items)
            return
        path, _ = self._table_of(items[0])
        matches = self._find(items)
        if self._indexed and matches.unknown:
            raise _unknown(path, matches.unknown, self._indexed)
        prompted = [item for item in items if self._found[item['img_path']]['labels']]
        if not prompted:
            raise DataFileError(
                f'{path}: no prompts for any of {len(items)} images, such as {_name(items[0])}',
                'in column image the path of one, its file name, or that without its ending',
                'Correct the names, or test the images that they name',
            )
        for item in prompted:
            shape = self._shape_of(item)
            if shape:
                self._check_inside(self._found[item['img_path']], shape, f'{path}: {_name(item)}')
        print_log(_account(path, len(items), len(prompted), matches), 'current')

    def transform(self, results: dict) -> dict:
        """Add ``prompts``.

        Raises:
            DataFileError: The image has none, though it has to, or one lies outside.
        """
        if self.required:
            self._check_complete([results])
        path, table = self._table_of(results)
        if self.required:
            prompts = table[results['image']]
        else:
            if results['img_path'] not in self._found:
                self._find([results])
            prompts = self._found[results['img_path']]
        shape = results['ori_shape']
        own = self._shape_of(results) or shape
        self._check_inside(prompts, own, f'{path}: {_name(results)}')
        if own != shape:
            prompts = scale_prompts(prompts, shape[1] / own[1], shape[0] / own[0])
        results['prompts'] = prompts
        return results

    def _shape_of(self, item: Mapping[str, Any]) -> tuple[int, int] | None:
        """(H, W) of the image that coordinates are of, if that is known to be another than the file."""
        if self.coordinates == PREPARED:
            return item.get('prepared_shape')
        if item.get('original_height'):
            return item['original_height'], item['original_width']
        return None

    def _find(self, items: Sequence[dict]) -> Matches:
        path, table = self._table_of(items[0])
        matches = match_names(table, [*self._indexed, *map(_name, items)], path)
        for item in items:
            name = matches.names.get(_name(item))
            self._found[item['img_path']] = _NO_OBJECT if name is None else table[name]
        return matches

    def _check_complete(self, items: Sequence[dict]) -> None:
        """See that the table has a prompt for every image, named as in the index."""
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

    def _table_of(self, item: dict) -> tuple[Path, dict[str, dict[str, Any]]]:
        """The table, beside the index of an image if its path is not absolute, and what it says."""
        depth = len(PurePosixPath(item['image']).parts) if item.get('image') else 1
        path = Path(item['img_path']).parents[depth - 1] / self.file
        if path not in self._tables:
            self._tables[path] = read_prompts(path)
        return path, self._tables[path]

    def _check_inside(self, prompts: Mapping[str, Any], shape: tuple[int, int], place: str) -> None:
        corners = [corner for box in prompts['boxes'] or [] for corner in (box[:2], box[2:])]
        for x, y in [point for points in prompts['points'] for point in points] + corners:
            if not (0 <= x <= shape[1] - 1 and 0 <= y <= shape[0] - 1):
                grids = ORIGINAL, PREPARED
                ours, other = grids if self.coordinates == ORIGINAL else grids[::-1]
                raise DataFileError(
                    f'{place}: the prompt at x={x}, y={y} lies outside',
                    f'x from 0 to {shape[1] - 1}, y from 0 to {shape[0] - 1}',
                    f'Coordinates are pixels of the {ours} image, not of the {other} one',
                )

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(file={self.file!r}, coordinates={self.coordinates!r}, '
            f'required={self.required})'
        )


def _name(item: Mapping[str, Any]) -> str:
    return item.get('image') or item['img_path']


def _unknown(path: Path, names: Sequence[str], indexed: Sequence[str]) -> DataFileError:
    near = difflib.get_close_matches(names[0], indexed, n=1)
    return DataFileError(
        f'{path}: {len(names)} names of images that the index does not have: '
        f'{", ".join(names[:3])}{" …" if len(names) > 3 else ""}',
        'in column image the path as in index.csv, the file name, or that without its ending',
        f'Did you mean {near[0]}?' if near else 'Correct the names, or delete their rows',
    )


def _account(path: Path, images: int, prompted: int, matches: Matches) -> str:
    """What a table gives to the images of a test, and what it has beside."""
    beside = len(matches.names) + len(matches.unknown) - prompted
    parts = [f'{path}: prompts for {prompted} of {images} images']
    if prompted < images:
        parts.append(f'{images - prompted} images without a prompt: predicted empty')
    if beside:
        parts.append(f'{beside} images of the table are not among those tested')
    if matches.loose:
        parts.append(
            f'{len(matches.loose)} images found by the file name alone, such as {matches.loose[0]}'
        )
    return '; '.join(parts)
