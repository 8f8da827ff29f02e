"""Config loading: reads the config of a command line and applies its options."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from mmseg_mammo.engine.config.edits import use_dataset, use_side
from mmseg_mammo.engine.config.input_side import check_side
from mmseg_mammo.engine.config.keys import check_keys
from mmseg_mammo.engine.config.overrides import override
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.presence.stored import use_stored_presence
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import (
    PREFIX,
    configs_folder,
    find_config,
    refuse_moved,
    shipped_file,
)


def load_config(args: argparse.Namespace, datasets: Path | None = None) -> Config:
    """Read the config of the command line with its overrides, work folder and launcher.

    Args:
        args: Of :func:`mmseg_mammo.cli.arguments.add_config_arguments`, ``cfg_options`` read, perhaps
            with ``dataset`` and ``split``; or with ``config=None`` and a ``checkpoint``, whose own
            config is taken.
        datasets: Folder of the data set configs that ``dataset`` may name; None: the shipped ones.

    Raises:
        MammoError: The config cannot be read, a key of it or of the overrides is misspelt, or
            the model cannot divide the side.
    """
    if args.config:
        cfg = read_config(args.config)
        check_keys(cfg)
        if getattr(args, 'checkpoint', None):
            use_stored_presence(cfg, args.checkpoint)
    else:
        cfg = read_stored_config(args.checkpoint)
    if cfg.get('stages'):
        _check_for_stages(cfg, args)
    if cfg.get('tuning'):
        if not hasattr(args, 'start'):  # of a training
            refuse_tuning(cfg)
        if getattr(args, 'side', None) is not None:
            raise MammoError(
                f'--side {args.side}: a tuning sees images as its checkpoint did', '--side left out'
            )
    for option in ('dataset', 'split'):
        if getattr(args, option, None) and not (cfg.get('test_dataloader') or {}).get('dataset'):
            raise MammoError(f'--{option}: {cfg.filename} has no test_dataloader')
    if getattr(args, 'dataset', None):
        use_dataset(cfg, args.dataset, datasets or configs_folder() / '_base_' / 'datasets')
    if getattr(args, 'split', None):
        cfg.test_dataloader.dataset.split = args.split
    if getattr(args, 'side', None) is not None:
        use_side(cfg, args.side)
    if args.cfg_options:  # last, so that they override everything
        if 'launcher' in args.cfg_options:
            raise MammoError('--cfg-options launcher: no effect', '--launcher')
        override(cfg, args.cfg_options)
    if getattr(args, 'side', None) is not None:  # they may change what a side has to be
        check_side(cfg, args.side)
    if getattr(args, 'device', None):
        cfg.device = args.device
    cfg.launcher = args.launcher
    default = str(Path('work_dirs') / Path(cfg.filename or args.config).stem)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    return cfg


def refuse_tuning(cfg: Config) -> None:
    """Refuse a few-config where a model is needed.

    Raises:
        MammoError: It is one, which has a model only with a checkpoint to start from.
    """
    if cfg.get('tuning'):
        raise MammoError(
            f'{cfg.filename}: tunes a checkpoint, and has no model before it has one',
            'mammoseg train CONFIG --from CHECKPOINT --data FOLDER, and the checkpoint that it writes',
        )


def _check_for_stages(cfg: Config, args: argparse.Namespace) -> None:
    """Refuse what a config of two stages, which is for their training, cannot do.

    Raises:
        MammoError: A side for both, or a checkpoint that it is given with.
    """
    if getattr(args, 'side', None) is not None:
        raise MammoError(
            f'--side {args.side} with two stages, which have a side each',
            '--cfg-options stages.finder.side=N stages.refiner.side=N',
        )
    if getattr(args, 'checkpoint', None):
        raise MammoError(
            f'{cfg.filename} beside {args.checkpoint}: it says how two stages are trained',
            'the checkpoint alone, which has what was chosen for it',
            f'Leave {cfg.filename} out',
        )


def read_config(path: str | Path) -> Config:
    """Read a config of any kind that the host has: Python, pure Python, JSON, YAML.

    Args:
        path: A file, or the name of a shipped config
            (:func:`~mmseg_mammo.io.shipped.find_config`). Its ``_base_`` may name
            shipped ones too, as ``mmseg_mammo::unet_cbis.py``.

    Raises:
        MammoError: There is none, it has moved, or it cannot be read.
    """
    found = find_config(path)
    try:
        with shipped_bases():
            return Config.fromfile(found)
    except MammoError:
        raise
    # A config is a program, and may fail as one.
    except Exception as error:
        raise MammoError(
            f'{path}: not readable ({type(error).__name__}: {first_line(error)})',
            'a config of MMEngine (.py, .json, .yaml)',
            'Correct the file, or a base that it names',
        ) from error


def first_line(error: BaseException) -> str:
    """The first sentence of an error's message, at most 200 characters, without its full stop."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    lines = text.strip().splitlines() or ['']
    return re.split(r'(?<=[.;])\s', lines[0])[0].rstrip('.')[:200]


@contextmanager
def shipped_bases() -> Iterator[None]:
    """Let ``_base_`` name a shipped config, and end in one line where it names one that moved.

    MMEngine resolves ``package::path`` for packages of OpenMMLab alone, wants a folder in the path,
    and looks below ``.mim``, which a clone does not have. So its own function is replaced while
    configs are read.
    """
    theirs = Config.__dict__['_get_cfg_path']

    def path_of(base: str, heir: str) -> tuple[str, str | None]:
        where = f'{heir}: _base_ {base!r}'
        if base.startswith(PREFIX):
            return str(shipped_file(base, where)), None
        path, scope = theirs.__func__(base, heir)
        if not Path(path).is_file():
            refuse_moved(base, where, Path(heir))
        return path, scope

    Config._get_cfg_path = staticmethod(path_of)
    try:
        yield
    finally:
        Config._get_cfg_path = theirs
