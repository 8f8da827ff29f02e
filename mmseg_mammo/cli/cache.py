"""Decode the images of a training once, before it; or remove what was kept of them.

Example:
  mammoseg cache setr_pup_vpt_cbis
  mammoseg cache --clear data/cbis_ddsm

A training keeps pixels by itself as it meets them: this only does it first. docs/cache.md.
"""

import argparse
import os
from pathlib import Path

from mmseg_mammo.cli.arguments import add_cache_arguments, add_cfg_options
from mmseg_mammo.cli.common import check_counts, end_in_one_line, host_command, resumable
from mmseg_mammo.errors import MammoError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the cache."""
    add = parser.add_argument
    add('config', help='config file; with --clear also a prepared folder, or the folder of a cache')
    add('--clear', action='store_true', help='remove the cache (default: fill it)')
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--workers', type=int, help='processes that decode (default: one for each core of the job)')
    add_cache_arguments(parser)
    add_cfg_options(parser)


def main(args: argparse.Namespace) -> None:
    """Fill or clear. A folder is cleared without the host."""
    if args.clear and Path(args.config).is_dir():
        end_in_one_line(lambda: _clear_folders(_folders(Path(args.config))))
        return
    _with_config(args)


@host_command
def _with_config(args: argparse.Namespace) -> None:
    from mmseg_mammo.datasets.filling import fill_caches
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.config.loading import build_cached, cache_folders, read_cache
    from mmseg_mammo.engine.training_record.reference import fill_reference
    from mmseg_mammo.engine.two_stage.stages import each_stage

    check_counts(args, ('workers',))
    cfg = load_config(argparse.Namespace(**vars(args), launcher='none', work_dir=None))
    configs = each_stage(cfg)
    if args.clear:
        folders = [folder for one in configs for folder in cache_folders(one, args.cache_dir)]
        _clear_folders([*dict.fromkeys(folders)])
        return
    for one in configs:
        choice = read_cache(args, one)
        if choice is None:
            raise MammoError('--cache-dir none: nothing to fill', 'a folder')
        fill_reference(one)
        with resumable():
            fill_caches(build_cached(one, choice, print), args.workers or _cores())


def _cores() -> int:
    """Cores that this process may use: of a whole machine, or what a job of a cluster has of it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def _folders(given: Path) -> list[Path]:
    """What was given, and where its cache is if it is a prepared folder that nobody may write to."""
    from mmseg_mammo.io.index import INDEX_NAME
    from mmseg_mammo.io.pixel_cache.place import temporary_folder

    index = given / INDEX_NAME
    temporary = temporary_folder(index)
    return [given, temporary] if index.is_file() and temporary.is_dir() else [given]


def _clear_folders(folders: list[Path]) -> None:
    from mmseg_mammo.io.pixel_cache.place import FOLDER, chains, clear, size_text

    for given in folders:
        folder = next((f for f in (given, given / FOLDER) if chains(f)), None)
        if folder is None:
            print(f'{given}: no cache')
        else:
            print(f'{folder}: {size_text(clear(folder))} removed')
