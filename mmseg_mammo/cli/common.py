"""Shared parts of the sub-commands: arguments, the start of MMSegmentation, errors in one line."""

import argparse
import functools
import gc
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import MammoError

Main = Callable[[argparse.Namespace], None]


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that MMSegmentation's train and test tools share.

    ``--cfg-options`` stays text: MMEngine reads it in :func:`read_options`, after its import.
    """
    add = parser.add_argument
    add('config', help='config file')
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


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, as text."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        metavar='KEY=VALUE',
        help='settings that override the config, such as train_dataloader.batch_size=4',
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
        help='operating_point.json of calibrate or report: threshold, temperature and '
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


def host_command(main: Main) -> Main:
    """Let a sub-command start with MMSegmentation registered, and end in one line.

    ``--cfg-options`` of its arguments, if it has them, are read by :func:`read_options`.
    """

    @functools.wraps(main)
    def command(args: argparse.Namespace) -> None:
        def work() -> None:
            from mmseg_mammo import register

            register()
            from mmseg_mammo.models.safe_loading import use_safe_loading

            use_safe_loading()
            if hasattr(args, 'cfg_options'):
                args.cfg_options = read_options(args.parser, args.cfg_options)
            main(args)

        end_in_one_line(work)

    return command


def end_in_one_line(work: Callable[[], None]) -> None:
    """Call ``work``; end what a user can mend, or Ctrl-C, in one line instead of a traceback.

    Also what the host says while it builds what the config names. With ``MMSEG_MAMMO_TRACEBACK=1``
    in the environment every traceback is shown.
    """
    try:
        work()
        _leave_processes()
    except KeyboardInterrupt:
        sys.exit('Stopped. A training goes on from its last checkpoint with --resume.')
    except Exception as error:
        built = None if isinstance(error, MammoError) else what_was_built(error)
        if os.environ.get('MMSEG_MAMMO_TRACEBACK') == '1' or built == '':
            raise
        if built is None:
            # From a data loader's worker the message comes wrapped in the worker's traceback.
            message = re.sub(r'^[\w.]+Error: ', '', str(error).strip().splitlines()[-1])
        else:
            from mmseg_mammo.engine.config.load import first_line

            message = (
                f'{built} of the config cannot be built or read: {type(error).__name__}: '
                f'{first_line(error)}. Correct it; MMSEG_MAMMO_TRACEBACK=1 shows where it fails'
            )
        sys.exit(f'error: {message.rstrip(".")}.')


def what_was_built(error: BaseException) -> str:
    """What of a config the host was building when ``error`` came; empty if it was not building."""
    found = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_name
        if 'mmengine' not in frame.f_code.co_filename:
            continue
        if name == 'build_from_cfg':
            from mmseg_mammo.engine.config.type_names import type_name

            kind = frame.f_locals.get('obj_type', (frame.f_locals.get('cfg') or {}).get('type'))
            found = type_name(kind) or found or 'something without a type'
        elif name in ('from_cfg', 'load_checkpoint') or name.startswith('build_'):
            named = {'from_cfg': 'the runner', 'load_checkpoint': 'load_from'}
            found = found or named.get(name, name.removeprefix('build_'))
    return found


def _leave_processes() -> None:
    """Wait for each other before leaving: a process that ends first aborts the others."""
    dist = sys.modules.get('torch.distributed')
    if dist is not None and dist.is_available() and dist.is_initialized():
        gc.collect()  # the wrapped model holds on to the group
        dist.barrier()
        dist.destroy_process_group()


@contextmanager
def named_errors(name: str, *kinds: type[Exception]) -> Iterator[None]:
    """End the program with ``name`` and the message of an error that a user can mend.

    Args:
        name: What the message begins with.
        kinds: Errors beside :class:`~mmseg_mammo.errors.MammoError`.
    """
    mendable: tuple[type[Exception], ...] = (MammoError, *kinds)
    try:
        yield
    except mendable as error:
        sys.exit(f'{name}: {error}')


@contextmanager
def resumable() -> Iterator[None]:
    """End the program on Ctrl-C with exit status 130, and say that the command can be repeated."""
    try:
        yield
    except KeyboardInterrupt:
        print('\nStopped. The same command goes on where it stopped.', file=sys.stderr)
        sys.exit(130)


def check_counts(
    args: argparse.Namespace, names: Sequence[str], allowed: str = 'a number from 1 on'
) -> None:
    """Refuse numbers below 1.

    Args:
        args: The command line.
        names: Attributes of it: a number, several, or None.
        allowed: What the message says would be accepted.

    Raises:
        MammoError: One is below 1.
    """
    for name in names:
        value = getattr(args, name)
        if value is not None and min([value] if isinstance(value, int) else value) < 1:
            raise MammoError(f'--{name.replace("_", "-")} {value}', allowed)
