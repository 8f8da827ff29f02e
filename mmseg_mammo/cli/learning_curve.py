"""Say what tuning on N of a hospital's own images gives, and what more of them would bring.

Example:
  mammoseg learning-curve few/unet_full few/unet_bias --data data/ours --from best.pth --counts 0 5 10 20 all

Trains each CONFIG on nested subsets of the split train, tests each on the split test, and fits two
forms of curve. The same command goes on where it stopped; more configs, counts or seeds are added.
Several processes share the work: --job 0/8 to 7/8, then the command without --job. docs/learning_curve.md.
"""

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_mammo.cli.arguments import add_cache_arguments, add_cfg_options
from mmseg_mammo.cli.common import check_counts, host_command, resumable
from mmseg_mammo.cli.train_few import AUTO
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.tables.learning_curve import UNITS

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmseg_mammo.studies.learning_curve.study import Study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a learning curve."""
    add = parser.add_argument
    add('configs', nargs='+', metavar='CONFIG', help='configs to compare, such as few/unet_full')
    add('--data', type=Path, required=True, metavar='FOLDER', help='prepared folder')
    add(
        '--from',
        dest='start',
        type=Path,
        metavar='CHECKPOINT',
        help='checkpoint that configs of few/ tune; it is count 0',
    )
    add(
        '--counts',
        nargs='+',
        default=['0', '5', '10', '20', '40', '80', '160', 'all'],
        metavar='N',
        help='annotated images to learn from; all: every one (default: 0 5 10 20 40 80 160 all)',
    )
    add(
        '--unit',
        choices=UNITS,
        default='images',
        help='what counts are of; patients are always whole (default: images)',
    )
    add('--seeds', type=int, default=3, help='subsets and trainings of each count (default: 3)')
    _add_folds(add)
    add(
        '--more',
        type=int,
        default=20,
        metavar='N',
        help='images, or patients, beyond the last count to forecast (default: 20)',
    )
    add('--job', default='', metavar='K/N', help='do every N-th cell, one of N jobs: 0/N to N-1/N')
    add('--work-dir', type=Path, help='folder of the study (default: work_dirs/learning_curve)')
    add('--keep-weights', action='store_true', help='of all trainings, not of count all alone')
    add('--device', help='cpu, cuda, or one GPU such as cuda:1 (default: a GPU if there is one)')
    add_cfg_options(parser)
    add_cache_arguments(parser)


def _add_folds(add: Callable[..., Any]) -> None:
    """Add the folds that choose inside a training, and those that are tested."""
    add(
        '--folds',
        type=int,
        default=0,
        metavar='N',
        help='in each training choose steps and threshold by N folds, and keep the checkpoint where '
        "tuning gains nothing (default: none; the config's steps, the checkpoint's threshold)",
    )
    add(
        '--minutes',
        type=float,
        metavar='M',
        help=f'of {AUTO}, which needs --folds: budget of each training (default: 60)',
    )
    add(
        '--test-folds',
        type=int,
        default=0,
        metavar='N',
        help='for a set without a test split: N folds of patients take turns as test images',
    )


@host_command
def main(args: argparse.Namespace) -> None:
    """Do the cells that are missing; then say what was found."""
    from mmseg_mammo.engine.config.loading import read_cache
    from mmseg_mammo.preparation.shards import Shard
    from mmseg_mammo.studies.in_turn import train_in_turn
    from mmseg_mammo.studies.learning_curve.fits import FoldFit, PlainFit
    from mmseg_mammo.studies.learning_curve.gather import gather, lines_of, where
    from mmseg_mammo.studies.learning_curve.run import check_cells, run_cells

    check_counts(args, ('seeds', 'more'))
    for name in ('folds', 'test_folds'):
        if (number := getattr(args, name)) < 0 or number == 1:
            raise MammoError(f'--{name.replace("_", "-")} {number}', '2 or more')
    job = Shard.parse(args.job, '--job') if args.job else None
    study = make_study(args)
    cells = study.cells()
    cache = read_cache(args, next(iter(study.configs.values())))
    train = functools.partial(train_in_turn, cache=cache)
    fit = FoldFit(train, args.folds) if args.folds else PlainFit(train)
    check_cells(study, cells, fit)
    study.begin()
    with resumable():
        own = cells if job is None else cells[job.number :: job.count]
        failed = run_cells(study, own, fit)
    if job is not None:
        print('Once all jobs have ended: the same command without --job.')
    elif found := gather(study.folder, args.more):
        print('\n'.join(lines_of(*found)))
        print(where(study.folder))
    if failed:
        sys.exit(f'error: {len(failed)} of {len(own)} cells failed, the first: {failed[0]}')


def make_study(args: argparse.Namespace) -> 'Study':
    """The study that a command line asks for.

    Raises:
        MammoError: The data or a config cannot be read, or two configs have one name.
    """
    from mmseg_mammo.engine.checkpoint import check_checkpoint
    from mmseg_mammo.io.index import INDEX_NAME
    from mmseg_mammo.studies.learning_curve.cells import labels_of
    from mmseg_mammo.studies.learning_curve.study import Study

    if not (args.data / INDEX_NAME).is_file():
        raise MammoError(
            f'--data {args.data}: no {INDEX_NAME}',
            'a prepared folder',
            'mammoseg prepare makes one',
        )
    if args.start:
        check_checkpoint(args.start)
    if args.minutes is not None and AUTO not in args.configs:
        raise MammoError(f'--minutes {args.minutes:g}: no effect', f'{AUTO} among the configs')
    return Study(
        folder=args.work_dir or Path('work_dirs') / 'learning_curve',
        data_root=args.data,
        start=args.start,
        configs={
            label: _read_config(args, name) for label, name in labels_of(args.configs).items()
        },
        counts=args.counts,
        seeds=args.seeds,
        unit=args.unit,
        test_folds=args.test_folds,
        mode=f'folds={args.folds}',
        device=args.device,
        keep_weights=args.keep_weights,
    )


def _read_auto(args: argparse.Namespace) -> 'Config':
    """The tunings that fit the checkpoint, as one config.

    Raises:
        MammoError: There is no checkpoint.
    """
    from mmseg_mammo.engine.few.models import fitting, read_start
    from mmseg_mammo.studies.few.budget import DEFAULT
    from mmseg_mammo.studies.learning_curve.fits import auto_config

    if not args.start:
        raise MammoError(f'{AUTO}: tunes a checkpoint', '--from CHECKPOINT')
    names = fitting(read_start(args.start).kind)
    minutes = DEFAULT if args.minutes is None else args.minutes
    return auto_config({name: _read_config(args, name) for name in names}, minutes)


def _read_config(args: argparse.Namespace, name: str) -> 'Config':
    from mmseg_mammo.engine.config.keys import check_keys
    from mmseg_mammo.engine.config.load import read_config
    from mmseg_mammo.engine.config.overrides import override

    if name == AUTO:
        return _read_auto(args)
    cfg = read_config(name)
    check_keys(cfg)
    if args.cfg_options:
        override(cfg, args.cfg_options)
    if args.device:
        cfg.device = args.device
    return cfg
