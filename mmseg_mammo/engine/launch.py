"""What the command-line tools share: arguments, configs, processes, and readable errors."""

import argparse
import gc
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config, DictAction
from mmengine.runner import FlexibleRunner, Runner

from mmseg_mammo.engine.runners import build
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.preparation.index import INDEX_NAME

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
        action=DictAction,
        help='settings that override the config, such as train_dataloader.batch_size=4',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes were started (default: none, one process)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser


def load_config(args: argparse.Namespace, datasets: Path | None = None) -> Config:
    """Read the config of the command line with its overrides, work folder and launcher.

    Args:
        args: Parsed by :func:`common_parser`, perhaps with ``dataset`` and ``split``.
        datasets: Folder of the data set configs that ``dataset`` may name.
    """
    if not Path(args.config).is_file():
        raise MammoError(f'{args.config}: no such config', remedy='Shipped ones are in configs/')
    cfg = Config.fromfile(args.config)
    if getattr(args, 'dataset', None):
        use_dataset(cfg, args.dataset, datasets)
    if getattr(args, 'split', None):
        cfg.test_dataloader.dataset.split = args.split
    if getattr(args, 'side', None) is not None:
        use_side(cfg, args.side)
    if args.cfg_options:  # last, so that they override everything
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    default = str(Path('work_dirs') / Path(args.config).stem)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    return cfg


def build_runner(cfg: Config, local_rank: int) -> Runner | FlexibleRunner:
    """The runner of ``cfg``, in this process or as one of those that a launcher started."""
    check_schedule(cfg)
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    if cfg.get('randomness', {}).get('deterministic'):
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # read when CUDA starts
    if cfg.launcher != 'none' and not torch.cuda.is_available():
        _join_through_gloo(cfg)
    hooks = cfg.get('default_hooks', {})
    for name in [name for name, hook in hooks.items() if hook is None and name not in STOCK_HOOKS]:
        del hooks[name]
    if 'strategy' in cfg and cfg.launcher == 'none':
        raise MammoError(
            f'{cfg.strategy.type} with a single process',
            remedy='Start one process per GPU: tools/dist_train.sh CONFIG GPUS',
        )
    if 'strategy' in cfg:
        _evaluate_in_step(cfg)
    return build(cfg)


def check_schedule(cfg: Config) -> None:
    """Refuse a training that ends before a part of its schedule begins; mmengine only fails late.

    Raises:
        MammoError: A scheduler that lasts to the end of the training would begin there, or later.
    """
    loop = cfg.get('train_cfg') or {}
    schedulers = cfg.get('param_scheduler') or []
    for part in schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]:
        key = 'max_epochs' if part.get('by_epoch', True) else 'max_iters'
        length, begin = loop.get(key), part.get('begin', 0)
        if length is not None and 'end' not in part and begin >= length:
            raise MammoError(
                f'train_cfg.{key}={length}, but {part.type} of param_scheduler begins at {begin}',
                f'{key}={begin + 1} or more',
                'Train for longer, or change param_scheduler',
            )


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
            f'--launcher {cfg.launcher}: no GPU that torch can use',
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


def use_mixed_precision(cfg: Config) -> None:
    """Train in automatic mixed precision: float16 as MMSegmentation's ``--amp``, bfloat16 on CPU."""
    if not torch.cuda.is_available():
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    elif cfg.optim_wrapper.type != 'BFloat16OptimWrapper':
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def use_side(cfg: Config, side: int) -> None:
    """Resize every input to ``side``² pixels: in all pipelines, the preprocessor and the backbone.

    Args:
        cfg: Changed in place.
        side: Pixels, a multiple of 16: so much U-Net halves its input, and ViT cuts it up.
    """
    if side < 16 or side % 16:
        raise MammoError(f'--side {side}', 'a multiple of 16, such as 224, 512 or 1024')
    _set_sides(cfg._cfg_dict, side)
    preprocessor = cfg.model.data_preprocessor
    preprocessor.size = (side, side)
    if preprocessor.get('test_cfg'):  # images are padded in tests, too
        preprocessor.test_cfg.size = (side, side)


def _set_sides(node: Any, side: int) -> None:
    if isinstance(node, dict):
        if node.get('type') in ('Resize', 'ResizeMammogram'):
            node['scale'] = (side, side)
        if 'img_size' in node:
            node['img_size'] = side
    if isinstance(node, (dict, list, tuple)):
        for child in node.values() if isinstance(node, dict) else node:
            _set_sides(child, side)


def use_dataset(cfg: Config, name: str, datasets: Path | None) -> None:
    """Point the test set of ``cfg`` at another data set, keeping its pipeline.

    Args:
        cfg: Changed in place.
        name: A prepared folder, or the name of a file of ``datasets``, without suffix.
        datasets: Folder of data set configs.
    """
    if (Path(name) / INDEX_NAME).is_file():
        theirs = {'type': 'MammographyDataset', 'data_root': name, 'split': 'test'}
    else:
        known = {path.stem: path for path in sorted(datasets.glob('*.py'))} if datasets else {}
        if name not in known:
            raise MammoError(
                f'--dataset {name}: neither a folder with an {INDEX_NAME} nor a known name',
                f'a prepared folder, or one of {", ".join(known)}',
            )
        theirs = Config.fromfile(known[name]).test_dataloader.dataset
    ours = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = {**theirs, 'test_mode': True, 'pipeline': ours.pipeline}


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint file that is missing or incomplete, before anything is built."""
    if not path.is_file():
        folder = path if path.is_dir() else path.parent
        names = ', '.join(sorted(file.name for file in folder.glob('*.pth')))
        raise CheckpointError(
            f'{path}: no such checkpoint file',
            f'one of {names}' if names else '',
            'Training writes them to its work folder',
        )
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f'{path}: not a complete PyTorch checkpoint',
            'a file that mmengine saved',
            'Copy it again and compare its size',
        )


def run_tool(main: Callable[[], None]) -> None:
    """Call ``main``; end a :class:`MammoError` or Ctrl-C in one line instead of a traceback."""
    try:
        main()
        _leave_processes()
    except MammoError as error:
        # From a data loader's worker the message comes wrapped in the worker's traceback.
        message = str(error).strip().splitlines()[-1]
        sys.exit(f'error: {message.split("Error: ", 1)[-1].rstrip(".")}.')
    except KeyboardInterrupt:
        sys.exit('Stopped. A training goes on from its last checkpoint with --resume.')


def _leave_processes() -> None:
    """Wait for each other before leaving: a process that ends first aborts the others."""
    if dist.is_available() and dist.is_initialized():
        gc.collect()  # the wrapped model holds on to the group
        dist.barrier()
        dist.destroy_process_group()
