"""Options of ``mammoseg train`` for few images: folds, and tunings that folds choose."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_mammo.errors import MammoError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmseg_mammo.engine.steps.trainings import Train

AUTO = 'few/auto'  # in the place of a config: all that fit
FOLDS = 5  # of a tuning, unless another number is given


def train_in_folds(args: argparse.Namespace, cfg: 'Config', train: 'Train') -> Path:
    """Train a config without each fold in turn, and test the checkpoint of all.

    Args:
        args: Of ``mammoseg train``, with ``folds``.
        cfg: Of the training.
        train: Trains one config.

    Returns:
        The checkpoint.
    """
    from mmseg_mammo.studies.few.folds import train_folds

    return train_folds(cfg, args.folds, args.resume or bool(cfg.get('resume')), train, args.amp)


def fit(args: argparse.Namespace, train: 'Train') -> Path:
    """Tune as folds say.

    Args:
        args: Of ``mammoseg train``, with a checkpoint and a folder.
        train: Trains one config.

    Returns:
        The checkpoint.

    Raises:
        MammoError: An option has no effect, or see :func:`.fit_few`.
    """
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.studies.few.fit import fit_few

    shared = {
        'folds': FOLDS if args.folds is None else args.folds,
        'train': train,
        'resume': args.resume,
    }
    if args.config == AUTO:
        return _try_all(args, shared)
    if args.minutes is not None:
        raise MammoError(
            f'--minutes {args.minutes:g} with {args.config}', f'{AUTO}, which tries several'
        )
    cfg = load_config(args)
    more = {'new_head': args.new_head, **shared}
    return fit_few(cfg, args.start, args.data, Path(cfg.work_dir), **more).checkpoint


def _try_all(args: argparse.Namespace, shared: dict[str, Any]) -> Path:
    """Try the tunings that fit the checkpoint, and keep the best."""
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.few.models import fitting, read_start
    from mmseg_mammo.studies.few.auto import tune_auto

    if args.new_head:
        raise MammoError(f'--new-head with {AUTO}', 'a single config of few/')
    if args.launcher != 'none':  # each process would look at a clock of its own
        raise MammoError(f'--launcher {args.launcher} with {AUTO}', 'one process')
    names = fitting(read_start(args.start).kind)
    configs = {}
    for name in names:
        own = argparse.Namespace(**{**vars(args), 'config': name})
        configs[name] = load_config(own)
    work_dir = Path(args.work_dir or 'work_dirs/auto')
    more = {'minutes': args.minutes, **shared}
    tried = tune_auto(configs, args.start, args.data, work_dir, **more)
    print(f'{tried.table}: the tunings that were tried; kept: {tried.name}')
    return tried.fitted.checkpoint
