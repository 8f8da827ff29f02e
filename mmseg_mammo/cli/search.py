"""Search learning rate, batch size and prompt length by lesion Dice on the validation split.

Example:
  mammoseg search setr_pup_vpt_cbis --trials 30

Start the same command in several jobs to share one study; start it again to go on. docs/search.md.
"""

import argparse
import sys
from pathlib import Path

from mmseg_mammo.cli.arguments import add_cache_arguments, add_config_arguments
from mmseg_mammo.cli.common import check_counts, host_command
from mmseg_mammo.errors import MammoError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a search."""
    add_config_arguments(parser)
    add = parser.add_argument
    add('--trials', type=int, default=30, help='of the whole study (default: 30)')
    add('--study', type=Path, help='journal file (default: search.log in the work folder)')
    add(
        '--lr',
        type=float,
        nargs=2,
        default=(1e-5, 1e-2),
        metavar=('LOW', 'HIGH'),
        help='range of the learning rate (default: 1e-5 1e-2)',
    )
    add(
        '--batch-size',
        type=int,
        nargs='+',
        default=(8, 16, 32),
        help='batch sizes to choose from (default: 8 16 32)',
    )
    add(
        '--prompt-length',
        type=int,
        nargs='+',
        default=(1, 10, 50, 100),
        help='numbers of visual prompts to choose from, where the model has some '
        '(default: 1 10 50 100)',
    )
    add('--epochs', type=int, help="epochs of a trial (default: the config's)")
    add_cache_arguments(parser)


@host_command
def main(args: argparse.Namespace) -> None:
    """Search, write the trials, and say which values were the best."""
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.config.loading import read_cache
    from mmseg_mammo.studies.results import write_results
    from mmseg_mammo.studies.search import check_search, open_study, search
    from mmseg_mammo.studies.space import Space, has_prompts

    cfg = load_config(args)
    check_counts(args, ('trials', 'epochs'))
    _check_launcher(args.launcher)
    if args.epochs and cfg.get('train_cfg'):
        cfg.train_cfg.max_epochs = args.epochs
    check_search(cfg, args.config)
    prompts = tuple(args.prompt_length) if has_prompts(cfg) else ()
    low, high = args.lr
    space = Space(low, high, tuple(args.batch_size), prompts)
    cache = read_cache(args, cfg)
    path = args.study or Path(cfg.work_dir) / 'search.log'
    study = open_study(path, cfg, space)
    try:
        search(study, cfg, space, args.trials, cache)
    except KeyboardInterrupt:
        sys.exit('Stopped. The same command goes on with the study.')
    finally:
        best = write_results(study, path)
        print(f'Trials: {path.with_suffix(".csv")}; picture: {path.with_suffix(".png")}')
        if best:
            print(f'Best: lesion Dice {study.best_value:.2f} % on validation with')
            print(f'--cfg-options {" ".join(best)}')


def _check_launcher(launcher: str) -> None:
    if launcher != 'none':
        raise MammoError(
            f'--launcher {launcher}: each of its processes would run trials of its own',
            'one process per trial',
            'Start the same command once per GPU, without a launcher: they share the study',
        )
