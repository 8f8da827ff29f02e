"""Train a model, with MMSegmentation's command line.

Example:
  mammoseg train setr_pup_vpt_cbis
  mammoseg train setr_pup_vpt_cbis --resume --cfg-options train_dataloader.batch_size=4
  mammoseg train few/unet_full --from best.pth --data data/ours
"""

import argparse
import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_mammo.cli.arguments import add_cache_arguments, add_config_arguments
from mmseg_mammo.cli.common import host_command
from mmseg_mammo.cli.train_few import AUTO, FOLDS, fit, train_in_folds
from mmseg_mammo.errors import MammoError

if TYPE_CHECKING:
    from mmengine.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a training."""
    add_config_arguments(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on from the last checkpoint of the work folder'
    )
    parser.add_argument(
        '--folds',
        type=int,
        metavar='N',
        help='cross-validate: train N times, two or more, each time without the patients of one fold, and '
        'score each image by the model that never saw it (docs/training.md). With --from folds choose steps '
        'and threshold, and keep the checkpoint where tuning does not help; 0: no folds, one training '
        f'(not with {AUTO}; default: {FOLDS} with --from, else none)',
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    few = parser.add_argument_group('few samples: docs/few_samples.md')
    few.add_argument(
        '--from',
        dest='start',
        type=Path,
        metavar='CHECKPOINT',
        help='checkpoint that a config of few/ starts from: its weights, image steps, threshold',
    )
    few.add_argument('--data', type=Path, metavar='FOLDER', help='prepared folder to tune on')
    few.add_argument(
        '--new-head', action='store_true', help="a decode head at random, not the checkpoint's"
    )
    few.add_argument(
        '--minutes',
        type=float,
        metavar='M',
        help=f'of {AUTO}, which tries the tunings that fit, the likeliest first: budget of all calls '
        '(default: as many as it was begun with, or 60)',
    )
    add_cache_arguments(parser)


@host_command
def main(args: argparse.Namespace) -> None:
    """Train, or go on with a training."""
    from mmseg_mammo.engine.config.load import load_config

    if args.config == AUTO or (args.start and args.folds != 0):
        _check_tuning(args)
        _write_first(fit(args, functools.partial(_train, args)))
        return
    if args.minutes is not None:
        raise MammoError(f'--minutes {args.minutes:g}', f'mammoseg train {AUTO}')
    cfg = load_config(args)
    if args.start or cfg.get('tuning'):
        cfg = _complete(args, cfg)
    elif args.data or args.new_head:
        raise MammoError(
            f'{"--data" if args.data else "--new-head"}: no effect without --from',
            '--from CHECKPOINT with a config of few/',
        )
    if args.folds:
        _write_first(train_in_folds(args, cfg, functools.partial(_train, args)))
    elif cfg.get('stages'):
        _train_stages(args, cfg)
    else:
        _train(args, cfg, args.resume)
        say_unscored(cfg)


def say_unscored(cfg: 'Config') -> None:
    """Say how a training that had no validation comes to a score.

    Args:
        cfg: Of a training that is finished.
    """
    from mmseg_mammo.engine.steps.journal import tell
    from mmseg_mammo.engine.steps.trainings import best_of

    if not cfg.get('val_dataloader') and cfg.get('test_dataloader'):
        tell(
            'Nothing was validated, so there is no score yet. Images of the split test: '
            f'mammoseg test {best_of(cfg)}. Without such images: train with --folds 5'
        )


def _check_tuning(args: argparse.Namespace) -> None:
    """Refuse a tuning of which a part is not given.

    Raises:
        MammoError: A checkpoint or a folder is missing.
    """
    if not args.start or not args.data:
        missing = '--data FOLDER' if args.start else '--from CHECKPOINT'
        raise MammoError(
            f'{args.config}: {missing} is missing',
            f'mammoseg train {args.config} --from CHECKPOINT --data FOLDER',
        )


def _complete(args: argparse.Namespace, cfg: 'Config') -> 'Config':
    """The complete config of a tuning.

    Raises:
        MammoError: A part of it is not given, or does not fit.
    """
    from mmseg_mammo.engine.few.start import few_config

    _check_tuning(args)
    return few_config(cfg, args.start, args.data, new_head=args.new_head)


def _train(args: argparse.Namespace, cfg: 'Config', resume: bool) -> None:
    """Train one config.

    Args:
        args: Of the command line.
        cfg: Of the training, with its work folder.
        resume: Whether to go on with what that holds.
    """
    from mmengine.dist import is_main_process

    from mmseg_mammo.engine.config.edits import use_mixed_precision
    from mmseg_mammo.engine.config.loading import read_cache
    from mmseg_mammo.engine.runner import build_runner
    from mmseg_mammo.engine.training_record.reference import fill_reference
    from mmseg_mammo.engine.work_dir import claim_for_training, last_checkpoint
    from mmseg_mammo.io.run_folder import BEST
    from mmseg_mammo.studies.closing import end_workers

    if not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise MammoError(
            f'{args.config} has no training, only a test',
            remedy='Train the config that its checkpoint comes from, such as setr_pup_vpt_cbis.py',
        )
    work_dir = Path(cfg.work_dir)
    cfg.resume = claim_for_training(work_dir, resume or bool(cfg.get('resume')))
    if cfg.resume:  # its own last checkpoint, not the one that it once started from
        cfg.load_from = str(last_checkpoint(work_dir))
    if args.amp:
        use_mixed_precision(cfg)
    fill_reference(cfg)
    runner = build_runner(cfg, args.local_rank, read_cache(args, cfg))
    write = keep_cards(runner)
    runner.train()
    end_workers(runner._train_loop, runner._val_loop)  # another training may follow
    if is_main_process() and not (work_dir / BEST).is_file():  # a training without validation
        write(last_checkpoint(work_dir))


def _train_stages(args: argparse.Namespace, cfg: 'Config') -> None:
    """Train both stages of a config, and write the card of the checkpoint of both."""
    from mmseg_mammo.engine.config.loading import read_cache
    from mmseg_mammo.engine.two_stage.run import train_stages

    resume = args.resume or bool(cfg.get('resume'))
    train = functools.partial(_train, args)
    _write_first(train_stages(cfg, resume, train, args.amp, read_cache(args, cfg)))


def _write_first(checkpoint: Path) -> None:
    """Write the card of a checkpoint, in the first process alone."""
    from mmseg_mammo.engine.work_dir import is_first_process

    if is_first_process():
        write_card(checkpoint)


def keep_cards(runner: Any) -> Callable[[Path], None]:
    """Let a training write the model card of ``best.pth`` beside it; see ``docs/card.md``.

    Args:
        runner: Of MMEngine, about to train.

    Returns:
        What writes the card of a checkpoint. A card that cannot be written, or is somebody's own, is
        said once in the log.
    """
    from mmseg_mammo.engine.hooks.checkpoint import ResumableCheckpointHook

    said: set[str] = set()

    def write(checkpoint: Path) -> None:
        write_card(checkpoint, said)

    for hook in runner.hooks:
        if isinstance(hook, ResumableCheckpointHook):
            hook.when_best = write
    return write


def write_card(checkpoint: Path, said: set[str] | None = None) -> None:
    """Write the model card of a checkpoint beside it; say in the log why, where that cannot be.

    Args:
        checkpoint: With a record.
        said: What was said before, and is not said again; it grows.
    """
    from mmengine.logging import print_log

    from mmseg_mammo.cli.card import write_beside

    said = set() if said is None else said
    try:
        write_beside(checkpoint)
    # No card is worth a training.
    except Exception as error:  # noqa: BLE001
        text = f'No model card: {" ".join(str(error).split()) or type(error).__name__}'
        if text not in said:
            print_log(text, 'current', logging.WARNING)
        said.add(text)
