"""What the command-line tools share: arguments, configs, processes, and readable errors."""

import argparse
import gc
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmseg_mammo.engine.config.checks import check_config, check_launcher
from mmseg_mammo.engine.config.edits import use_dataset, use_side
from mmseg_mammo.engine.config.keys import check_keys
from mmseg_mammo.engine.config.overrides import Options, override
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.devices import on_gpu, use_device
from mmseg_mammo.engine.runner import build
from mmseg_mammo.errors import MammoError

# Those that mmengine itself leaves out where the config says None; it fails on others.
STOCK_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')


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


def load_config(args: argparse.Namespace, datasets: Path | None = None) -> Config:
    """Read the config of the command line with its overrides, work folder and launcher.

    Args:
        args: Parsed by :func:`common_parser`, perhaps with ``dataset`` and ``split``.
        datasets: Folder of the data set configs that ``dataset`` may name.

    Raises:
        MammoError: The config cannot be read, or a key of it or of the overrides is misspelt.
    """
    cfg = read_config(args.config)
    check_keys(cfg)
    for option in ('dataset', 'split'):
        if getattr(args, option, None) and not (cfg.get('test_dataloader') or {}).get('dataset'):
            raise MammoError(f'--{option}: {args.config} has no test_dataloader')
    if getattr(args, 'dataset', None):
        use_dataset(cfg, args.dataset, datasets)
    if getattr(args, 'split', None):
        cfg.test_dataloader.dataset.split = args.split
    if getattr(args, 'side', None) is not None:
        use_side(cfg, args.side)
    if args.cfg_options:  # last, so that they override everything
        if 'launcher' in args.cfg_options:
            raise MammoError('--cfg-options launcher: no effect', '--launcher')
        override(cfg, args.cfg_options)
    if getattr(args, 'device', None):
        cfg.device = args.device
    cfg.launcher = args.launcher
    default = str(Path('work_dirs') / Path(args.config).stem)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    return cfg


def read_config(path: str | Path) -> Config:
    """Read a config of any kind that the host has: Python, pure Python, JSON, YAML.

    Raises:
        MammoError: There is none, or it cannot be read.
    """
    if not Path(path).is_file():
        what = 'a folder, not a config' if Path(path).is_dir() else 'no such config'
        raise MammoError(f'{path}: {what}', remedy='Shipped ones are in configs/')
    try:
        return Config.fromfile(path)
    except MammoError:
        raise
    # A config is a program, and may fail as one.
    except Exception as error:
        raise MammoError(
            f'{path}: not readable ({type(error).__name__}: {_first_line(error)})',
            'a config of MMEngine (.py, .json, .yaml)',
            'Correct the file, or a base that it names',
        ) from error


def build_runner(cfg: Config, local_rank: int) -> Runner | FlexibleRunner:
    """The runner of ``cfg``, in this process or as one of those that a launcher started."""
    check_config(cfg)
    use_device(cfg.get('device'), cfg.launcher)
    check_launcher(cfg.launcher)
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if cfg.get('randomness', {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # read when CUDA starts
    if cfg.launcher != 'none' and not on_gpu():
        _join_through_gloo(cfg)
    hooks = cfg.get('default_hooks', {})
    for name in [name for name, hook in hooks.items() if hook is None and name not in STOCK_HOOKS]:
        del hooks[name]
    if 'strategy' in cfg and cfg.launcher == 'none':
        raise MammoError(
            f'{type_name(cfg.strategy.type)} with a single process',
            remedy='Start one process per GPU: tools/dist_train.sh CONFIG GPUS',
        )
    if 'strategy' in cfg:
        _evaluate_in_step(cfg)
    return build(cfg)


def _evaluate_in_step(cfg: Config) -> None:
    """Give each process as many images: those of a split model wait for each other at each step."""
    for split in ('val', 'test'):
        sampler = (cfg.get(f'{split}_dataloader') or {}).get('sampler', {})
        if 'round_up' in sampler:
            sampler.round_up = True


def _join_through_gloo(cfg: Config) -> None:
    """Let processes without GPUs talk; mmengine assumes a GPU per process."""
    if cfg.launcher != 'pytorch':
        raise MammoError(
            f'--launcher {cfg.launcher}: no GPU that this run can use',
            'several processes without GPUs through torchrun only (--launcher pytorch)',
        )
    dist.init_process_group('gloo')
    cfg.sync_bn = None  # torch has it for GPUs only
    if 'strategy' in cfg:
        cfg.strategy.model_wrapper.device_id = torch.device('cpu')
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )


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
