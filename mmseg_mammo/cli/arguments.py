"""Arguments that several sub-commands share, and the reading of those that an import is needed for."""

import argparse
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import MammoError


def add_checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a checkpoint, the config that it may be given with, and those of :func:`add_run_arguments`."""
    add = parser.add_argument
    add('config', nargs='?', help="config file (default: the checkpoint's own)")
    add('checkpoint', type=Path, help='checkpoint file')
    add_base_argument(parser)
    add_run_arguments(parser)


def add_base_argument(parser: argparse._ActionsContainer) -> None:
    """Add the file of the frozen weights, for checkpoints of the trained ones alone."""
    parser.add_argument(
        '--base',
        type=Path,
        metavar='FILE',
        help='pre-trained file of the frozen weights, of a checkpoint without them (default: where '
        'the training had it, or the file of that content in weights/)',
    )


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a config, and those of :func:`add_run_arguments`."""
    parser.add_argument('config', help='config file')
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that MMSegmentation's train and test tools share.

    ``--cfg-options`` stays text: MMEngine reads it in :func:`read_options`, after its import.
    """
    add = parser.add_argument
    add('--work-dir', help='folder of logs and results (default: work_dirs/<config name>)')
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add_cfg_options(parser)
    add(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes were started (default: none, one process)',
    )
    add('--device', help='cpu, cuda, or one GPU such as cuda:1 (default: a GPU if there is one)')
    add('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that give a promptable model its prompts; :func:`read_coordinates`."""
    add = parser.add_argument
    add(
        '--prompts',
        metavar='FILE',
        help='table of points and boxes for SAM (docs/sam.md); images without are predicted empty',
    )
    add(
        '--coordinates',
        choices=['original', 'prepared'],
        help='images that the pixels in the table of --prompts are of (default: original, before '
        'preparation made them smaller)',
    )


def read_coordinates(args: argparse.Namespace) -> str:
    """The images that coordinates of ``--prompts`` are of.

    Raises:
        MammoError: ``--coordinates`` without ``--prompts``.
    """
    if args.coordinates and not args.prompts:
        raise MammoError(
            f'--coordinates {args.coordinates}: no effect', '--coordinates beside --prompts FILE'
        )
    return args.coordinates or 'original'


def add_cfg_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--cfg-options``, as text."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        metavar='KEY=VALUE',
        help='settings that override the config, such as train_dataloader.batch_size=4',
    )


def add_cache_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder and the size of the pixel cache."""
    add = parser.add_argument
    add(
        '--cache-dir',
        metavar='DIR',
        help='folder where prepared pixels are kept, so that images are decoded once; none: '
        'nowhere (default: cache/ beside the index, else in the temporary folder)',
    )
    add(
        '--cache-limit',
        metavar='SIZE',
        help='most that the folder takes of the disk, such as 50GB; what is over is decoded each '
        'time (default: half of what is free)',
    )


def add_test_output(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the test-time output: where probabilities are cut, and which count."""
    add = parser.add_argument
    add(
        '--threshold',
        type=float,
        metavar='T',
        help="probability above which a pixel is lesion, 0 to 1 (default: the training's)",
    )
    add(
        '--operating-point',
        type=Path,
        metavar='FILE',
        help='operating_point.json, as calibrate and report write it: threshold, temperature and '
        'breast_only at once',
    )
    add(
        '--breast-only',
        action='store_true',
        default=None,
        help='set probabilities outside the breast to 0 (default: as the config says, which is no)',
    )


def read_options(parser: argparse.ArgumentParser, texts: list[str] | None) -> dict[str, Any] | None:
    """Read the texts of ``--cfg-options`` as MMEngine's ``DictAction`` does.

    Args:
        parser: Ends the program, with its usage, where a text cannot be read.
        texts: ``KEY=VALUE``; None where the option was not given.

    Returns:
        Values by their path in the config, or None.
    """
    from mmseg_mammo.engine.config.overrides import Options

    if texts is None:
        return None
    found = argparse.Namespace(cfg_options=None)
    Options(['--cfg-options'], 'cfg_options', nargs='+')(parser, found, texts, '--cfg-options')
    return found.cfg_options
