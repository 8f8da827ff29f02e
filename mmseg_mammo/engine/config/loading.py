"""Loading of images: settings of data loaders that no result depends on, and the pixel cache."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import members
from mmseg_mammo.datasets.handover import packed_collate
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME
from mmseg_mammo.io.pixel_cache.place import read_size, temporary_folder

# What torch takes with worker processes only.
_OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'multiprocessing_context')
_PREFETCHED = (
    4  # batches of each worker: twice torch's, since the first images of an epoch are slow
)
_CACHED = ('train_dataloader', 'val_dataloader')


class CacheChoice(NamedTuple):
    """What the command line says of the pixel cache.

    Attributes:
        folder: None: beside the index, else in the temporary folder.
        limit: Bytes or a text; None: half of what the disk has free.
    """

    folder: str | Path | None = None
    limit: str | int | None = None

    @property
    def asked(self) -> bool:
        """Whether anything was said, so that it counts more than the config."""
        return self.folder is not None or self.limit is not None


def drop_worker_settings(cfg: Config) -> None:
    """Remove loader settings about worker processes where ``num_workers=0``; torch refuses them."""
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader') or {}
        if not loader.get('num_workers'):
            for key in _OF_WORKERS:
                if loader.get(key):  # what is off already is left as it is written
                    del loader[key]


def with_defaults(loader: Any, on_gpu: bool) -> Any:
    """A loader's settings with the fast ones where it says nothing: the same batches come of them.

    Args:
        loader: Settings; a loader that is built already stays as it is.
        on_gpu: Whether batches go to a GPU, which takes them faster from pinned memory.
    """
    if not isinstance(loader, Mapping):
        return loader
    found: dict[str, Any] = {'pin_memory': True} if on_gpu else {}
    if loader.get('num_workers'):
        found |= {
            'persistent_workers': True,
            'prefetch_factor': _PREFETCHED,
            'collate_fn': {'type': packed_collate.__name__},
        }
    return {**found, **loader}


def read_cache(args: argparse.Namespace, cfg: Config) -> CacheChoice | None:
    """What the command line says of the pixel cache; it counts more than the config.

    Args:
        args: With ``cache_dir`` and ``cache_limit``, texts or None.
        cfg: Loses its own caches if the command line says anything of one.

    Returns:
        None for no cache.

    Raises:
        MammoError: The limit is no size, or has no cache.
    """
    if args.cache_limit is not None:
        read_size(args.cache_limit)
    if args.cache_dir == 'none':
        if args.cache_limit is not None:
            raise MammoError(
                f'--cache-limit {args.cache_limit}: no effect',
                '--cache-limit without --cache-dir none',
            )
        drop_cache(cfg)
        return None
    choice = CacheChoice(args.cache_dir, args.cache_limit)
    if choice.asked:
        drop_cache(cfg)
    return choice


def drop_cache(cfg: Config) -> None:
    """Remove what a config says of the pixel cache of its training and validation images."""
    for loader in _CACHED:
        for _, dataset in datasets_of(cfg.get(loader) or {}, ''):
            if _is_cache(dataset.get('cache')):
                del dataset['cache']


def without_cache(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the settings of a config without the caches of data sets, for other machines."""
    return {
        key: _without(value) if key.endswith('_dataloader') else value
        for key, value in settings.items()
    }


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = (key for key in value if not (key == 'cache' and _is_cache(value[key])))
        return {key: _without(value[key]) for key in kept}
    if isinstance(value, (list, tuple)):
        return type(value)(_without(item) for item in value)
    return value


def _is_cache(value: Any) -> bool:
    """Whether it is the pixel cache of a data set; other data sets and steps have settings of that name."""
    return isinstance(value, Mapping) and value.keys() <= {'folder', 'limit'}


def use_cache(dataset: Any, choice: CacheChoice, told: set[str] | None = None) -> Iterator[str]:
    """Give the data sets of this project in a loader their cache; those that have one keep it.

    Args:
        dataset: Perhaps a wrapper of several.
        choice: Of the command line.
        told: Places and reasons that a line was given about; none is given again. Grows.

    Yields:
        A line about each place, and why there is none.

    Raises:
        MammoError: A folder or limit that was asked for cannot be.
    """
    told = set() if told is None else told
    for member in members(dataset):
        if not isinstance(member, MammographyDataset):
            continue
        key = ''
        if member.cache is None:
            try:
                member.use_cache(*choice)
            except MammoError as error:
                if choice.asked:
                    raise
                key = line = f'Cache: none. {error}'
        if member.cache is not None:
            line = member.cache.describe()
            # Two caches in one folder are one place, though it takes more when the second is made.
            key = member.cache.place if member.cache.cache else line
        if key and key not in told:
            told.add(key)
            yield line


def build_cached(
    cfg: Config, choice: CacheChoice, tell: Callable[[str], object]
) -> dict[str, MammographyDataset]:
    """The training and validation data sets of a config, with their caches, by name.

    Args:
        cfg: With loaders.
        choice: Of the command line.
        tell: Gets a line about each place.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    found: dict[str, MammographyDataset] = {}
    told: set[str] = set()
    for loader in _CACHED:
        settings = (cfg.get(loader) or {}).get('dataset')
        if settings is None:
            continue
        dataset = DATASETS.build(settings)
        for line in use_cache(dataset, choice, told):
            tell(line)
        inside = [one for one in members(dataset) if isinstance(one, MammographyDataset)]
        for number, one in enumerate(inside, 1):
            name = loader.removesuffix('_dataloader')
            found[f'{name} {number}' if len(inside) > 1 else name] = one
    return found


def cache_folders(cfg: Config, asked: str | None) -> list[Path]:
    """The folders where caches of a config's training and validation images may be."""
    if asked is not None:
        return [Path(asked)]
    roots = [
        Path(dataset.get('data_root') or '')
        for loader in _CACHED
        for _, dataset in datasets_of(cfg.get(loader) or {}, '')
    ]
    closed = [temporary_folder(root / INDEX_NAME) for root in roots]
    return list(dict.fromkeys([*roots, *(folder for folder in closed if folder.is_dir())]))
