"""Search learning rate, batch size and prompt length by lesion Dice on the validation split.

python tools/search.py configs/setr_pup_vpt_cbis.py --trials 30

Start the same command in several jobs to share one study; start it again to go on. docs/search.md.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.launch import common_parser, run_tool
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.search import Space, open_study, search, write_results


def check(args: argparse.Namespace, cfg: Config) -> None:
    """Refuse what would fail in every trial; bring ``--epochs`` into ``cfg``."""
    for name in ('trials', 'epochs'):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise MammoError(f'--{name} {value}', 'a number from 1 on')
    if args.launcher != 'none':
        raise MammoError(
            f'--launcher {args.launcher}: each of its processes would run trials of its own',
            'one process per trial',
            'Start the same command once per GPU, without a launcher: they share the study',
        )
    if 'strategy' in cfg:
        raise MammoError(
            f'{type_name(cfg.strategy.type)} of {args.config}: a trial is a single process',
            remedy='Search with a config without a strategy, such as setr_pup_finetune_cbis.py',
        )
    if not cfg.get('val_dataloader') or 'train_dataloader' not in cfg:
        raise MammoError(
            f'{args.config} has no training with a validation split',
            remedy='Search with the config of a training, such as setr_pup_vpt_cbis.py',
        )
    if args.epochs:
        cfg.train_cfg.max_epochs = args.epochs
    check_schedule(cfg)


def main() -> None:
    """Parse the arguments and search."""
    parser = common_parser('Search hyper-parameters on the validation split.')
    parser.add_argument('--trials', type=int, default=30, help='of the whole study (default: 30)')
    parser.add_argument(
        '--study', type=Path, help='journal file (default: search.log in the work folder)'
    )
    parser.add_argument('--lr', type=float, nargs=2, default=(1e-5, 1e-2), metavar=('LOW', 'HIGH'))
    parser.add_argument('--batch-size', type=int, nargs='+', default=(8, 16, 32))
    parser.add_argument('--prompt-length', type=int, nargs='+', default=(1, 10, 50, 100))
    parser.add_argument('--epochs', type=int, help="epochs of a trial, instead of the config's")
    args = parser.parse_args()
    cfg = load_config(args)
    check(args, cfg)
    has_prompts = cfg.model.get('backbone', {}).get('prompt_length')
    prompts = tuple(args.prompt_length) if has_prompts else ()
    space = Space(*args.lr, batch_sizes=tuple(args.batch_size), prompt_lengths=prompts)
    path = args.study or Path(cfg.work_dir) / 'search.log'
    study = open_study(path, cfg, space)
    try:
        search(study, cfg, space, args.trials)
    except KeyboardInterrupt:
        sys.exit('Stopped. The same command goes on with the study.')
    finally:
        best = write_results(study, path)
        print(f'Trials: {path.with_suffix(".csv")}; picture: {path.with_suffix(".png")}')
        if best:
            print(f'Best: lesion Dice {study.best_value:.2f} % on validation with')
            print(f'--cfg-options {" ".join(best)}')


if __name__ == '__main__':
    run_tool(main)
