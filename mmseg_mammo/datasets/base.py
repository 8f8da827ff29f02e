"""Base data set: reads the mammograms and masks that an ``index.csv`` lists."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_mammo.datasets.choice import (
    Filters,
    add_counts,
    cache_names,
    read_chosen,
    refuse_twins,
)
from mmseg_mammo.datasets.confounding import leave_to_masks
from mmseg_mammo.datasets.random_numbers import own_random_numbers
from mmseg_mammo.datasets.step_cache import StepCache
from mmseg_mammo.datasets.step_kinds import is_deterministic
from mmseg_mammo.datasets.unheeded import refuse_unheeded
from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.files import uncollected
from mmseg_mammo.io.index import INDEX_NAME, SPLITS, Row
from mmseg_mammo.io.spacing import extent_mm


@DATASETS.register_module()
class MammographyDataset(BaseSegDataset):
    """Mammograms with binary lesion masks, one item per row of an index.

    Dataset features:

    * mammograms of any hospital that ``mammoseg prepare`` has prepared
    * with a lesion, normal, or annotated by nobody

    Dataset format:

    * ``data_root/index.csv``, as ``docs/data.md`` describes it
    * images: grey PNG files of 8 or 16 bits, or DICOM files
    * masks: PNG files of 8 bits and the size of their images

    Dataset classes:

    * 0: background
    * 1: lesion, of whatever kind; 255 in the mask files

    Dataset splits:

    * ``train``, ``val`` and ``test``, as the index names them; no patient is in two of them

    Dataset licence:

    * that of the images

    Dataset citation:

    * that of the images

    Every item carries the index's columns (``patient_id``, ``view``, …), so that metrics can name and
    group images. ``seg_map_path`` is None where there is no mask; ``annotated`` tells why.
    ``extent_mm`` is the size of the image in mm, None where unknown. ``left_out`` counts images of the split
    that are not here: annotated by nobody, without the finding, with an image label alone.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        finding: Keep only images with this finding (``'mass'`` keeps ``'mass+calcification'``
            too). Normal images are kept as well: they have no finding to choose by.
        views: Keep only these views, e.g. ``('MLO',)``.
        annotated_only: Leave out images that nobody annotated. Training and evaluation need it.
        image_labels: Keep images with a lesion but no mask, which a presence head is trained on.
        normal_sources: Other prepared folders, whose annotated images of the split are added.
        allow_confounded: Train presence by sources with one label too; see :mod:`.confounding`.
        ann_file: Name of the index below ``data_root``.
        cache: Keep what the first steps of the pipeline make of each image: ``folder`` and ``limit`` of
            :class:`.StepCache`. None: every image is read and prepared each time, to the same result.
        kwargs: See ``mmseg.datasets.BaseSegDataset``.

    Raises:
        DataIndexError: The index breaks its contract, or no row passes the filters.
        MammoError: ``metainfo`` or another option of mmseg's base class asks for labels or files
            of another kind, which nothing here would heed.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'lesion'),
        'palette': [[0, 0, 0], [230, 159, 0]],
    }

    def __init__(
        self,
        *,
        split: str = 'train',
        finding: str | None = None,
        views: Sequence[str] | None = None,
        annotated_only: bool = True,
        image_labels: bool = True,
        normal_sources: Sequence[str] = (),
        allow_confounded: bool = False,
        ann_file: str = INDEX_NAME,
        cache: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise DataIndexError(f'split {split!r}', ', '.join(SPLITS))
        self.split = split
        self.finding = finding
        self.views = tuple(views) if views else None
        self.annotated_only = annotated_only
        self.image_labels = image_labels
        names = [normal_sources] if isinstance(normal_sources, str) else normal_sources
        self.normal_sources = tuple(names)
        self.allow_confounded = allow_confounded
        self._indexed: tuple[str, ...] = ()
        self._cache_settings = None if cache is None else dict(cache)
        self.cache: StepCache | None = None
        refuse_unheeded(type(self).__name__, kwargs)
        # (seed, epoch) in shared memory: a loader's workers live on from epoch to epoch.
        self._state = torch.zeros(2, dtype=torch.int64).share_memory_()
        super().__init__(ann_file=ann_file, **kwargs)

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> None:
        """Refuse other classes than those of the class: no label of a mask is ever changed."""
        ours = list(cls.METAINFO['classes'])
        if len(ours) != 2 or ours[1] == 'background':
            raise MammoError(f'METAINFO of {cls.__name__}: {ours}', 'two classes, background first')
        if new_classes is not None and list(new_classes) != ours:
            raise MammoError(
                f'metainfo.classes={new_classes!r} of {cls.__name__}',
                f'{tuple(ours)}: in every mask 0 is background and 1 lesion, of whatever kind',
                "Leave it out; finding='mass' keeps the images of one kind, and another name for "
                'lesions is METAINFO of a class of your own',
            )

    def _update_palette(self) -> list:
        colours, classes = (self._metainfo.get(key, ()) for key in ('palette', 'classes'))
        if colours and len(colours) != len(classes):
            raise MammoError(
                f'metainfo.palette={colours} of {type(self).__name__}',
                f'{len(classes)} colours, of {" and ".join(classes)}',
            )
        return super()._update_palette()

    def set_epoch(self, seed: int, epoch: int) -> None:
        """From now on the augmentation of an image depends on ``seed``, ``epoch`` and its index."""
        self._state[:] = torch.tensor([seed, epoch])

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on an image; in training with random numbers of its own.

        Args:
            idx: Index of the image. ``idx + k * len(self)`` is the same image with other random
                numbers, for a sampler that draws it more than once in an epoch. Negative ones
                count from the end, as in a list.
        """
        if idx < 0:
            idx = range(len(self))[idx]
        if self.test_mode or all(map(is_deterministic, self.pipeline.transforms)):
            return self._prepared(idx if self.test_mode else idx % len(self))
        with own_random_numbers([*self._state.tolist(), idx]):
            return self._prepared(idx % len(self))

    def _prepared(self, idx: int) -> Any:
        if self.cache is None:
            return super().prepare_data(idx)
        return self.cache.run(idx, lambda: self.get_data_info(idx))

    def use_cache(self, folder: str | Path | None = None, limit: str | int | None = None) -> None:
        """Keep what the first steps of the pipeline make; see ``cache`` of the class.

        Raises:
            MammoError: The folder cannot be written to, or the limit is no size.
        """
        self.full_init()
        items = [self.get_data_info(number) for number in range(len(self))]
        names = cache_names(items, Path(self.ann_file).parent)
        steps = self.pipeline.transforms
        self._cache_settings = {'folder': folder, 'limit': limit}
        self.cache = StepCache(steps, names, Path(self.ann_file), folder, limit)

    def get_subset(self, indices: Sequence[int] | int) -> 'MammographyDataset':
        """As of mmengine; the cache counts its images anew."""
        subset: MammographyDataset = super().get_subset(indices)
        subset._renumber_cache()
        return subset

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """As of mmengine; the cache counts its images anew."""
        super().get_subset_(indices)
        self._renumber_cache()

    def _renumber_cache(self) -> None:
        if self.cache is not None:
            self.use_cache(**(self._cache_settings or {}))

    def __iter__(self) -> Iterator[dict]:
        """Every image once; indices beyond the length would go on for ever."""
        return (self[index] for index in range(len(self)))

    def full_init(self) -> None:
        """Read the index; steps of the pipeline that want something of every image look for it."""
        if self._fully_initialized:
            return
        super().full_init()
        for step in self.pipeline.transforms:
            if hasattr(step, 'know_index'):
                step.know_index(self._indexed)
            if hasattr(step, 'check_images'):
                step.check_images([self.get_data_info(index) for index in range(len(self))])
        if self._cache_settings is not None:
            self.use_cache(**self._cache_settings)

    @property
    def indices(self) -> list[Path]:
        """Its index, and those of ``normal_sources``."""
        return [Path(self.ann_file), *(Path(each) / INDEX_NAME for each in self.normal_sources)]

    def load_data_list(self) -> list[dict]:
        """Read, check and filter the indices; one dict per image."""
        names = ('split', 'finding', 'views', 'annotated_only', 'image_labels')
        filters = Filters(**{name: getattr(self, name) for name in names})
        found: list[dict] = []
        self._indexed, self.left_out = (), (0, 0, 0)
        for number, index in enumerate(self.indices):
            chosen = read_chosen(index, filters if number == 0 else filters.of_another())
            self._indexed += chosen.images
            self.left_out = add_counts(self.left_out, chosen.left_out)
            for line in chosen.lines:
                print_log(f'{index}: {line}', 'current')
            with uncollected():
                found += [self._item(row, index.parent) for row in chosen.rows]
        if self.normal_sources:
            refuse_twins([(item['source'], item['image']) for item in found])
            if not self.allow_confounded:
                leave_to_masks(found)
        return found

    def _item(self, row: Row, root: Path) -> dict:
        return {
            **vars(row),
            'extent_mm': extent_mm(row),
            'img_path': str(root / row.image),
            'seg_map_path': str(root / row.mask) if row.mask else None,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
