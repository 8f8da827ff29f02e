"""Shards of a preparation: the options ``--shard`` and ``--merge``, and what is said of a shard."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.preparation.pool import usable_cores

if TYPE_CHECKING:
    from mmseg_mammo.preparation.shards import Shard, ShardCounts


def add_process_arguments(container: argparse._ActionsContainer) -> None:
    """Let a preparation use many processes, and many machines."""
    container.add_argument(
        '--jobs',
        type=int,
        default=usable_cores(),
        metavar='N',
        help='processes; each holds one image in memory (default: one per core)',
    )
    either = container.add_mutually_exclusive_group()
    either.add_argument(
        '--shard',
        default='',
        metavar='K/N',
        help='make every N-th image, from number K on, and no index: one of N jobs, 0/N to N-1/N',
    )
    either.add_argument(
        '--merge',
        action='store_true',
        help='once all shards are made: write the index, as a run without shards does',
    )


def read_shard(args: argparse.Namespace) -> 'Shard | None':
    """The shard that the command line asks for, if it does.

    Raises:
        MammoError: There is no such shard.
    """
    from mmseg_mammo.preparation.shards import Shard

    return Shard.parse(args.shard) if args.shard else None


def say_shard(shard: 'Shard', counts: 'ShardCounts', out: Path) -> None:
    """Print what a shard has made, and what comes next.

    Args:
        shard: Which one.
        counts: Its images.
        out: The output folder.
    """
    failed = f', {counts.failed} of them failed; the merge says why' if counts.failed else ''
    print(f'Shard {shard} of {out}: {counts.images} images{failed}.')
    print('Once all shards have ended: the same command with --merge in the place of --shard.')
