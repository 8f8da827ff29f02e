"""Lesion crops: the training images of a model that segments crops at full resolution."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.evaluation.regions import Regions, find_lesions
from mmseg_mammo.evaluation.two_stage.candidates import HELD, held_shares
from mmseg_mammo.io.image_keys import image_keys
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.tables.candidates import Mined, read_candidates
from mmseg_mammo.transforms.crops import Box, crop_box, crop_side, cut_crop, place_in_breast
from mmseg_mammo.transforms.full_image import refuse_kept
from mmseg_mammo.transforms.levels import grey_of, like_before


@TRANSFORMS.register_module()
class CropAroundLesion(BaseTransform):
    """Cut a square out of the image and its mask: around a lesion, a false candidate, or elsewhere.

    It stands where the image has its full size: behind ``LoadLesionMask`` and ``MammoCLAHE``, before
    ``ResizeMammogram(interpolation='area')``. Beyond the image all is black, and no lesion.
    :class:`.TwoStageSegmentor` cuts its crops in the same way, to the pixel.

    A kind that an image does not have leaves its share to the others: one without a lesion has
    candidates and random places of its breast alone.

    Whether the crop holds a lesion is what presence is trained by: ``annotated`` becomes ``'lesion'``
    where at least half of the pixels of one are inside, and ``'normal'`` where none is; between
    the two, and where nobody outlined the lesion, ``trains_presence`` becomes False.

    Required Keys:

    - img (H×W×3 or H×W)
    - gt_seg_map (uint8, H×W)
    - extent_mm (optional, for ``mm``)
    - image, source (of the index, for ``candidates``)

    Modified Keys:

    - img, gt_seg_map (side × side pixels)
    - img_shape, ori_shape, extent_mm (of the crop)
    - annotated, trains_presence

    Args:
        share: Side of the crop, as a share of the long side of the image.
        mm: Side in millimetres, where the size of the image is known; else ``share``. None: ``share``.
        factor: The side is at least so many times the lesion's longer side, and without a lesion
            the extent of a false candidate of the image; None: sizes do not count.
        jitter: Largest shift along each axis, as a share of the side.
        scale_jitter: The side is drawn log-uniformly up to ``1 + scale_jitter`` times as large or
            small.
        lesion_share: Of crops around a lesion, 0 to 1.
        candidate_share: Of crops around a false candidate; what is left lies anywhere in the breast.
        candidates: Table with the columns key, x, y, extent, score and hit, of the finder's peaks;
            those that are no hit are false. None: there are none.
        random: False, for validation: the largest lesion, in the middle; without one the
            best false candidate, else the middle of the breast.

    Raises:
        MammoError: A setting means nothing.
    """

    one_channel = True

    def __init__(
        self,
        *,
        share: float = 0.28,
        mm: float | None = None,
        factor: float | None = None,
        jitter: float = 0.2,
        scale_jitter: float = 0.2,
        lesion_share: float = 0.5,
        candidate_share: float = 0.3,
        candidates: str | None = None,
        random: bool = True,
    ) -> None:
        self.share, self.mm, self.factor = share, mm, factor
        self.jitter, self.scale_jitter = jitter, scale_jitter
        self.lesion_share, self.candidate_share = lesion_share, candidate_share
        self.candidates, self.random = candidates, random
        self._check()
        self._table: dict[str, list[Mined]] | None = None
        self._keys: dict[tuple[str, str], str] = {}

    def _check(self) -> None:
        for name in ('share', 'mm', 'factor'):
            value = getattr(self, name)
            if (value is not None or name == 'share') and not (value or 0) > 0:
                raise MammoError(f'{name}={value} of CropAroundLesion', 'a number above 0')
        for name in ('jitter', 'scale_jitter'):
            if not getattr(self, name) >= 0:
                raise MammoError(f'{name}={getattr(self, name)} of CropAroundLesion', '0 or more')
        shares = self.lesion_share, self.candidate_share
        if min(shares) < 0 or sum(shares) > 1 + 1e-9:
            raise MammoError(
                f'lesion_share={shares[0]}, candidate_share={shares[1]} of CropAroundLesion',
                'shares from 0 to 1, together not above 1',
            )

    def check_images(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Find the candidates of all images of a dataset; called when the dataset is made.

        Raises:
            DataIndexError: The table cannot be read.
            DataFileError: It has candidates, but of none of these images.
        """
        if self.candidates is None:
            return
        self._keys = image_keys({_identity(item) for item in items})
        table = self._mined()
        if table and not table.keys() & set(self._keys.values()):
            raise DataFileError(
                f'{self.candidates}: candidates of {next(iter(table))} and others, but of none of '
                f'{len(items)} images, such as {next(iter(self._keys.values()))}',
                'candidates that the finder found on the images of this split',
                'Name the table of this split, of this data set',
            )

    def transform(self, results: dict) -> dict:
        """Cut the crop.

        Raises:
            MammoError: There is no mask, or it is of another size than the image; or
                ``KeepFullImage`` went before.
        """
        refuse_kept(results, type(self).__name__)
        if 'gt_seg_map' not in results:
            raise MammoError(
                f'{results.get("img_path") or "an array"}: CropAroundLesion without a mask',
                'LoadLesionMask before it',
            )
        image, mask = results['img'], results['gt_seg_map']
        if image.shape[:2] != mask.shape:
            raise MammoError(
                f'{results.get("img_path") or "an array"}: CropAroundLesion of {image.shape[:2]} '
                f'pixels and a mask of {mask.shape}',
                'an image as large as its mask',
                'Take steps that resize, as ShrinkMammogram does, from before it',
            )
        unknown = is_image_label(results)
        lesions = find_lesions(np.zeros_like(mask, bool) if unknown else mask == 1)
        x, y, side = self._place(results, lesions)
        box = crop_box(x, y, min(side, 2 * max(mask.shape)))
        grey = grey_of(image)
        cut = cut_crop(image if grey is None else grey, box)
        results['img'] = cut if grey is None else like_before(cut, image)
        results['gt_seg_map'] = cut_crop(mask, box)
        _label(results, lesions, box, unknown)
        if results.get('extent_mm'):
            results['extent_mm'] = tuple(
                mm * crop / whole
                for mm, crop, whole in zip(
                    results['extent_mm'], cut.shape[:2], mask.shape, strict=True
                )
            )
        results['img_shape'] = results['ori_shape'] = cut.shape[:2]
        return results

    def _place(self, results: dict, lesions: Regions) -> tuple[float, float, int]:
        """Middle and side of the crop."""
        shape = results['gt_seg_map'].shape
        extent = 0.0
        false = self._false(results)
        kind = self._kind(bool(len(lesions)), bool(false))
        if kind == 'lesion':
            chosen = int(np.argmax(lesions.pixels))
            if self.random:
                chosen = np.random.randint(len(lesions))
            left, top, width, height = map(int, lesions.boxes[chosen])
            place = left + (width - 1) / 2, top + (height - 1) / 2
            extent = max(width, height)
        else:
            mined = false[np.random.randint(len(false)) if self.random else 0] if false else None
            if kind == 'candidate' and mined:
                place = mined.x, mined.y
            else:
                place = place_in_breast(results['img'], self.random)
            # Crops without a lesion are as wide as the finder's are, or their width would tell.
            extent = mined.extent if mined else extent
        side = crop_side(shape, self.share, self.mm, results.get('extent_mm'), self.factor, extent)
        if not self.random:
            return (*place, side)
        most = np.log1p(self.scale_jitter)
        side = max(1, round(side * float(np.exp(np.random.uniform(-most, most)))))
        right, down = np.random.uniform(-self.jitter, self.jitter, 2) * side
        return place[0] + right, place[1] + down, side

    def _kind(self, lesion: bool, false: bool) -> str:
        """Around what the crop is cut."""
        if not self.random:
            return 'lesion' if lesion else 'candidate' if false else 'breast'
        rest = max(0.0, 1 - self.lesion_share - self.candidate_share)
        shares = np.array([self.lesion_share * lesion, self.candidate_share * false, rest])
        if not shares.sum():  # of those that it has, no share is left
            shares = np.array([0.0, float(false), float(not false)])
        drawn = np.random.random() * shares.sum()
        return ('lesion', 'candidate', 'breast')[
            min(int(np.searchsorted(shares.cumsum(), drawn, side='right')), 2)
        ]

    def _false(self, results: Mapping[str, Any]) -> list[Mined]:
        """False candidates of the image, best first."""
        if self.candidates is None:
            return []
        pair = _identity(results)
        key = self._keys.get(pair) or image_keys({pair})[pair]
        return [one for one in self._mined().get(key, []) if not one.hit]

    def _mined(self) -> dict[str, list[Mined]]:
        if self._table is None:
            self._table = read_candidates(Path(str(self.candidates)))
        return self._table

    def __repr__(self) -> str:
        names = (
            *('share', 'mm', 'factor', 'jitter', 'scale_jitter', 'lesion_share'),
            *('candidate_share', 'candidates', 'random'),
        )
        settings = ', '.join(f'{name}={getattr(self, name)!r}' for name in names)
        return f'{type(self).__name__}({settings})'


def _identity(item: Mapping[str, Any]) -> tuple[str, str]:
    return item.get('source') or '', item.get('image') or item['img_path']


def _label(results: dict, lesions: Regions, box: Box, unknown: bool) -> None:
    """Say whether the crop holds a lesion, as far as that is known.

    Crops of an image with a lesion have both labels, and so its source, though it may have one alone.
    """
    if results.get('annotated') == 'lesion':
        results.pop('trains_presence', None)
    if (held_shares(lesions, [box]) >= HELD).any():
        results['annotated'] = 'lesion'
    elif unknown or (results['gt_seg_map'] == 1).any():
        results['trains_presence'] = False
    else:
        results['annotated'] = 'normal'
