"""Shared parts of the sub-commands: the start of MMSegmentation, errors in one line."""

import argparse
import functools
import gc
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mmseg_mammo.cli.arguments import read_options
from mmseg_mammo.errors import MammoError, fault_of_disk

Main = Callable[[argparse.Namespace], None]


def host_command(main: Main) -> Main:
    """Let a sub-command start with MMSegmentation registered, and end in one line.

    ``--cfg-options`` of its arguments, if it has them, are read by :func:`read_options`.
    """

    @functools.wraps(main)
    def command(args: argparse.Namespace) -> None:
        def work() -> None:
            from mmseg_mammo import host, register

            register()
            # Modules stay: data sets have all garbage collected when they open, and workers of a
            # loader share what no collection touches.
            if not gc.get_freeze_count():
                gc.freeze()
            host.format_once()
            from mmseg_mammo.models.safe_loading import use_safe_loading

            use_safe_loading()
            if hasattr(args, 'cfg_options'):
                args.cfg_options = read_options(args.parser, args.cfg_options)
            main(args)

        end_in_one_line(work)

    return command


def end_in_one_line(work: Callable[[], None]) -> None:
    """Call ``work``; end what a user can mend, or Ctrl-C, in one line instead of a traceback.

    Also what the host says while it builds what the config names, and a disk that is full or closed
    to writing. With ``MMSEG_MAMMO_TRACEBACK=1`` in the environment every traceback is shown.
    """
    try:
        work()
        _leave_processes()
    except KeyboardInterrupt:
        sys.exit(
            'Stopped. With --resume a training goes on from its last checkpoint, or begins anew.'
        )
    except Exception as error:
        if isinstance(error, MammoError):
            # From a data loader's worker the message comes wrapped in the worker's traceback.
            message = re.sub(r'^[\w.]+Error: ', '', str(error).strip().splitlines()[-1])
        else:
            from mmseg_mammo.engine.config.failures import what_failed

            message = what_failed(error) or fault_of_disk(error)
        if os.environ.get('MMSEG_MAMMO_TRACEBACK') == '1' or not message:
            raise
        sys.exit(f'error: {message.rstrip(".")}.')


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
