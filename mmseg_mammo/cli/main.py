"""Command ``mammoseg``: lists its sub-commands and runs one of them."""

import argparse
import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from mmseg_mammo.errors import MammoError
from mmseg_mammo.version import __version__

_ABOUT = """Segmentation of mammograms, from the raw download to the report.

Example:
  mammoseg train setr_pup_vpt_cbis
"""


class Command(NamedTuple):
    """A sub-command: its module in this room, and the line of ``mammoseg --help``.

    The module offers ``add_arguments(parser)`` and ``main(args)``. Its docstring is the
    description, in which ``mammoseg <name>`` stands for how the command was typed. It imports torch
    and MMSegmentation inside ``main`` only, so that ``--help`` answers at once.
    """

    module: str
    help: str


COMMANDS = {
    'prepare-cbis': Command('prepare_cbis', 'Prepare a raw CBIS-DDSM download'),
    'prepare': Command('prepare', "Prepare a hospital's mammograms and masks"),
    'lesion-free': Command('lesion_free', 'Cut normals out of images with a lesion'),
    'audit-split': Command('audit_split', 'Find what stands on two sides of a split'),
    'phantom': Command('phantom', 'Write synthetic mammograms as a raw download'),
    'config': Command('config', 'Write a config of your own from a shipped one'),
    'browse': Command('browse', 'Look at prepared images, suspicious ones first'),
    'cache': Command('cache', 'Decode the images of a training once, before it'),
    'train': Command('train', 'Train a model'),
    'test': Command('test', 'Test a model'),
    'predict': Command('predict', 'Predict on new images'),
    'annotate-next': Command('annotate_next', 'Choose the images to annotate next'),
    'info': Command('info', 'Say what a checkpoint is, and was trained on'),
    'calibrate': Command('calibrate', "Set a model's threshold on a hospital's own images"),
    'import-predictions': Command(
        'import_predictions', "Score another system's masks, for the report"
    ),
    'report': Command('report', 'Make the transfer report from run folders'),
    'card': Command('card', 'Write the card of a model, or of prepared data'),
    'search': Command('search', 'Search hyper-parameters on the validation split'),
    'learning-curve': Command('learning_curve', 'Say what N own images give, and more of them'),
    'benchmark': Command('benchmark', 'Measure what training and prediction cost'),
    'export': Command('export', 'Write the whole weights alone, or an ONNX file'),
    'demo': Command('demo', 'Prepare, train, test and report on phantoms'),
}

# Packages that commands import when they run, and the extra of setup.py that each is in.
_EXTRAS = {'matplotlib': 'report', 'jinja2': 'report', 'optuna': 'search'}


def main(words: Sequence[str] | None = None) -> None:
    """Run ``mammoseg``.

    Args:
        words: The command line after the name of the program; None takes that of the process.
    """
    words = sys.argv[1:] if words is None else list(words)
    with closed_pipe():
        if words and words[0] in COMMANDS:
            run(words[0], words[1:], f'mammoseg {words[0]}')
        else:
            root_parser().parse_args(words)  # prints the help, or what is wrong


@contextmanager
def closed_pipe() -> Iterator[None]:
    """End quietly where nobody reads on, as after ``| head``."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        watch = select.poll()
        watch.register(sys.stdout, select.POLLOUT)
        if not any(event & select.POLLERR for _, event in watch.poll(0)):
            raise  # of another pipe
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + 13)  # as a shell counts a program that SIGPIPE ended


def root_parser() -> argparse.ArgumentParser:
    """The parser of what stands before a sub-command; it imports none of them."""
    width = max(map(len, COMMANDS))
    lines = [f'  {name:<{width}}  {command.help}' for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog='mammoseg',
        usage='mammoseg [-h] [--version] COMMAND ...',
        description=_ABOUT,
        epilog='\n'.join(['commands:', *lines, '', 'mammoseg COMMAND --help says more.']),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'mmseg_mammo {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help='one of those below')
    return parser


def run(name: str, words: Sequence[str], prog: str, typed: str = '') -> None:
    """Parse the arguments of a sub-command and run it.

    Args:
        name: Of :data:`COMMANDS`.
        words: Its arguments.
        prog: Its name in the usage and in messages.
        typed: How a user types it, where that is not ``prog``.
    """
    parser = parser_of(name, prog, typed)
    # Intermixed: a config that may be left out is told from a checkpoint wherever options stand.
    nested = parser._subparsers is not None  # argparse has no intermixed way then
    args = parser.parse_args(words) if nested else parser.parse_intermixed_args(words)
    try:
        import_module(f'mmseg_mammo.cli.{COMMANDS[name].module}').main(args)
    except ModuleNotFoundError as error:
        package = (error.name or '').partition('.')[0]
        if package not in _EXTRAS:
            raise
        remedy = f"pip install '.[{_EXTRAS[package]}]' in the repository"
        sys.exit(f'{prog}: {MammoError(f"{package} is not installed", remedy=remedy)}')


def parser_of(name: str, prog: str, typed: str = '') -> argparse.ArgumentParser:
    """The parser of a sub-command; see :func:`run` for the arguments.

    The namespace that it gives holds the parser as ``parser``, to refuse later what only an
    import can tell.
    """
    module = import_module(f'mmseg_mammo.cli.{COMMANDS[name].module}')
    parser = argparse.ArgumentParser(
        prog=prog,
        description=(module.__doc__ or '').replace(f'mammoseg {name} ', f'{typed or prog} '),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(parser=parser)
    module.add_arguments(parser)
    return parser


def run_tool(name: str) -> None:
    """Run a sub-command as the script of ``tools/`` that this process was started with."""
    tool = Path(sys.argv[0]).name
    with closed_pipe():
        run(name, sys.argv[1:], tool, f'python tools/{tool}')
