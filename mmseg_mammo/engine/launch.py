"""What the command-line tools share: arguments, configs, processes, and readable errors."""

import argparse
import gc
import os
import re
import sys
import traceback
from collections.abc import Callable

import torch.distributed as dist

from mmseg_mammo.engine.config.overrides import Options
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.errors import MammoError


def common_parser(description: str) -> argparse.ArgumentParser:
    """The arguments that MMSegmentation's train and test tools share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='folder of logs and results (default: work_dirs/<config name>)'
    )
    parser.add_argument(
        '--side', type=int, help="side of the square model input in pixels, instead of the config's"
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Options,
        help='settings that override the config, such as train_dataloader.batch_size=4',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes were started (default: none, one process)',
    )
    parser.add_argument(
        '--device', help='cpu, cuda, or one GPU such as cuda:1 (default: a GPU if there is one)'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser


def run_tool(main: Callable[[], None]) -> None:
    """Call ``main``; end what a user can mend, or Ctrl-C, in one line instead of a traceback.

    Also what the host says while it builds what the config names. With ``MMSEG_MAMMO_TRACEBACK=1``
    in the environment every traceback is shown.
    """
    try:
        main()
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
            message = (
                f'{built} of the config cannot be built or read: {type(error).__name__}: '
                f'{_first_line(error)}. Correct it; MMSEG_MAMMO_TRACEBACK=1 shows where it fails'
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
            kind = frame.f_locals.get('obj_type', (frame.f_locals.get('cfg') or {}).get('type'))
            found = type_name(kind) or found or 'something without a type'
        elif name in ('from_cfg', 'load_checkpoint') or name.startswith('build_'):
            named = {'from_cfg': 'the runner', 'load_checkpoint': 'load_from'}
            found = found or named.get(name, name.removeprefix('build_'))
    return found


def _first_line(error: BaseException) -> str:
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = text.strip().splitlines() or ['']
    return re.split(r'(?<=[.;])\s', lines[0])[0].rstrip('.')[:200]


def _leave_processes() -> None:
    """Wait for each other before leaving: a process that ends first aborts the others."""
    if dist.is_available() and dist.is_initialized():
        gc.collect()  # the wrapped model holds on to the group
        dist.barrier()
        dist.destroy_process_group()
