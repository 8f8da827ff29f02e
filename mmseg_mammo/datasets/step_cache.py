"""Step cache: keeps what the first steps of a pipeline make of each image, in a pixel cache."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from mmseg_mammo.datasets.step_kinds import (
    describe_software,
    describe_step,
    is_cacheable,
    is_known,
    most_pixels,
    takes_one_channel,
)
from mmseg_mammo.io.pixel_cache import cache as reasons
from mmseg_mammo.io.pixel_cache.cache import PixelCache
from mmseg_mammo.io.pixel_cache.contents import Source, stamps
from mmseg_mammo.io.pixel_cache.packing import describe_packing
from mmseg_mammo.io.pixel_cache.place import (
    default_limit,
    find_folder,
    read_size,
    size_text,
    used_bytes,
)
from mmseg_mammo.io.pixel_cache.slots import Entry
from mmseg_mammo.io.pixel_cache.values import to_json
from mmseg_mammo.io.spacing import SIZE_KEYS

# Of an item what the steps of this package and of the host read of it, beside its files. The name of the
# mask is among them: files that were unpacked together may have one size and time.
_READ = ('annotated', 'mask', 'label_map', 'reduce_zero_label', *SIZE_KEYS)
_UNPACKED = (
    'images of full size, uncompressed: imagecodecs is not installed, which '
    "pip install '.[dicom]' in the repository brings"
)
_MESSAGES = {
    reasons.FULL: 'its limit is reached: {limit} (--cache-limit; mammoseg cache --clear removes '
    'what earlier trainings left)',
    reasons.DISK: 'the disk is full, or cannot be written to',
    reasons.CLOSED: 'its folder cannot be written to (--cache-dir: another one)',
    reasons.SOLID: 'its disk keeps no files with holes, which images of full size need (--cache-dir: '
    'another one)',
    reasons.CLEARED: 'it was cleared',
    reasons.UNFIT: 'some are larger than it has room for, or have what it cannot hold',
    reasons.CHANGED: 'some changed while they were read',
}


class StepCache:
    """The longest run of cacheable steps at the beginning of a pipeline, with a cache of its results.

    A result is the same as without a cache, bit for bit. What was cached comes back with one channel in
    memory: H×W×3 whose last stride is 0, for steps that say that they understand it
    (:mod:`.step_kinds`); before another one it is made three.

    Args:
        steps: Of the pipeline.
        items: Names of the images in the index, in the order of their numbers.
        index: The index file; the cache has its rights.
        folder: Of the cache; None: beside the index, else in the temporary folder.
        limit: Bytes of the disk, or a text such as ``50GB``; None: half of what is free.

    Raises:
        MammoError: The folder cannot be written to, or the limit is no size.
    """

    def __init__(
        self,
        steps: Sequence[Callable],
        items: Sequence[str],
        index: Path,
        folder: str | Path | None = None,
        limit: str | int | None = None,
    ) -> None:
        count = next((n for n, step in enumerate(steps) if not is_cacheable(step)), len(steps))
        self.first, rest = list(steps[:count]), list(steps[count:])
        narrow = next((n for n, s in enumerate(rest) if not takes_one_channel(s)), len(rest))
        self.narrow, self.wide = rest[:narrow], rest[narrow:]
        self._known = all(map(is_known, self.first))
        self._said = torch.zeros(1, dtype=torch.int64).share_memory_()  # by one of all workers
        self.cache: PixelCache | None = None
        self.limit = 0
        if not self.first:
            return
        self.folder = find_folder(index, folder)
        self.place = str(self.folder)  # as it is said
        self.limit = default_limit(self.folder) if limit is None else read_size(limit)
        chain: dict[str, Any] = {'steps': [describe_step(step) for step in self.first]}
        chain['software'] = describe_software()
        if self.folder.resolve().parent != index.resolve().parent:
            chain['index'] = str(index.resolve())
        pixels = most_pixels(self.first)
        if not pixels:
            chain['packing'] = describe_packing()
            self.place += '' if chain['packing'] else f' ({_UNPACKED})'
        key = hashlib.blake2b(to_json(chain) or b'', digest_size=12).hexdigest()
        self.cache = PixelCache(self.folder, key, chain, items, index, self.limit, pixels)

    def describe(self) -> str:
        """A line about the place of the cache."""
        if self.cache is None:
            return 'Cache: none, the first step of the pipeline is not known to repeat itself'
        used = size_text(used_bytes(self.folder))
        return f'Cache: {self.place}, {used} of at most {size_text(self.limit)}'

    def explain(self, reason: str) -> str:
        """Why images are not cached, for people; of a reason that :meth:`fill` gave."""
        text = _MESSAGES.get(reason, reason)
        return text.format(limit=size_text(self.limit)) if reason == reasons.FULL else text

    def run(self, number: int, item: Callable[[], dict]) -> dict | None:
        """Give an image to the pipeline.

        Args:
            number: Of the image.
            item: Gives what the pipeline begins with, each time a new one.

        Returns:
            What the pipeline ends with.
        """
        results = item()
        source, entry = None, None
        if self.cache is not None:
            source = self._source(results)
            entry = self.cache.read(number, source)
        if entry is None:
            made, reason = self._make(number, results, source, item)
            self._say(reason)
            return _apply(made, self.narrow + self.wide)
        results.update(entry.values['added'])
        results['img'] = _with_channels(entry.image, entry.values['channels'])
        if entry.mask is not None:
            results['gt_seg_map'] = entry.mask
        found = _apply(results, self.narrow)
        if self.wide and found is not None and isinstance(found.get('img'), np.ndarray):
            found['img'] = np.require(found['img'], requirements=('C', 'W'))
        return _apply(found, self.wide)

    def fill(self, number: int, item: Callable[[], dict]) -> str:
        """See that an image is cached.

        Returns:
            Why it is not; empty if it is.
        """
        if self.cache is None:
            return reasons.UNFIT
        results = item()
        source = self._source(results)
        if self.cache.read(number, source) is not None:
            return ''
        if self.cache.closed:
            return self.cache.closed
        return self._make(number, results, source, item)[1]

    def _make(
        self, number: int, results: dict, source: Source | None, item: Callable[[], dict]
    ) -> tuple[dict | None, str]:
        """What the first steps make, and why it is not kept; empty if it is."""
        if self.cache is None or source is None or self.cache.closed:
            return _apply(results, self.first), self.cache.closed if self.cache else ''
        try:
            before = stamps(source)
        except OSError:  # the step that reads it says so
            return _apply(results, self.first), reasons.CHANGED
        made = _apply(results, self.first)
        return made, self._keep(number, source, before, item(), made)

    def _keep(
        self, number: int, source: Source, before: Sequence[Any], item: dict, made: dict | None
    ) -> str:
        entry = None if made is None else _entry(item, made)
        if entry is None or self.cache is None:
            return reasons.UNFIT
        return self.cache.write(number, source, before, entry)

    def _source(self, item: Mapping[str, Any]) -> Source:
        files = item['img_path'], item.get('seg_map_path')
        paths = ('img_path', 'seg_map_path', 'sample_idx')
        if self._known:
            return Source(files, {key: item.get(key) for key in _READ})
        facts = {key: item[key] for key in item if key not in paths}
        return Source(files, copy.deepcopy(facts))  # steps add to lists of the item

    def _say(self, reason: str) -> None:
        if reason not in _MESSAGES or reason == reasons.CHANGED or self._said.item():
            return
        self._said[0] = 1
        print_log(
            f'{self.folder}: not every image is cached, {self.explain(reason)}. They are read from '
            'their files each time',
            'current',
            30,
        )


def _apply(results: dict | None, steps: Sequence[Callable]) -> dict | None:
    for step in steps:
        if results is None:
            return None
        results = step(results)
    return results


def _entry(item: Mapping[str, Any], made: Mapping[str, Any]) -> Entry | None:
    """What steps made of an item, to be kept; None if it is more than an image, a mask and plain data."""
    image, mask = made.get('img'), made.get('gt_seg_map')
    arrays = {key for key, value in made.items() if isinstance(value, np.ndarray)}
    if not isinstance(image, np.ndarray) or arrays - {'img', 'gt_seg_map'} or item.keys() - made:
        return None
    grey, channels = image, 0
    if image.ndim == 3:
        channels = image.shape[2]
        grey = image[..., 0]
        if not all(np.array_equal(grey, image[..., n]) for n in range(1, channels)):
            return None
    added = {
        key: value
        for key, value in made.items()
        if key not in arrays and (key not in item or item[key] != value)
    }
    if mask is not None and not isinstance(mask, np.ndarray):
        return None
    return Entry({'added': added, 'channels': channels}, grey, mask)


def _with_channels(grey: np.ndarray, channels: int) -> np.ndarray:
    """H×W as it is for 0 channels, else H×W×channels, all one memory."""
    return np.broadcast_to(grey[..., None], (*grey.shape, channels)) if channels else grey
