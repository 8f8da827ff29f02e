"""Choose the images to annotate next, and draw masks to correct.

Example:
  mammoseg annotate-next data/archive --checkpoint work_dirs/ours/best.pth --count 20 --out next_1
  mammoseg annotate-next data/ours --simulate 5 --from best.pth --config few/unet_full --seeds 3 --out rounds

DATA is a prepared folder (what is annotated already is left out), a folder of images, or a table of them;
nothing in it is changed. The same command goes on where it stopped. With --simulate DATA is a prepared folder
that is annotated already, and the methods are compared on it by training. docs/annotate_next.md.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.arguments import add_base_argument, add_cfg_options, add_test_output
from mmseg_mammo.cli.common import check_counts, host_command, resumable
from mmseg_mammo.errors import MammoError

if TYPE_CHECKING:
    from mmseg_mammo.studies.annotation.choose import Settings
    from mmseg_mammo.studies.annotation.next_images import Outcome
    from mmseg_mammo.studies.annotation.pool import Pool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a choice."""
    add = parser.add_argument
    add('data', type=Path, metavar='DATA', help='prepared folder, folder of images, or table')
    add(
        *('--checkpoint', '--from'),
        dest='checkpoint',
        type=Path,
        required=True,
        help='the model that looks at them, and that trainings of --simulate start from',
    )
    add('-o', '--out', type=Path, required=True, help='folder of the choice: new, or to go on with')
    _add_choice(parser.add_argument_group('what is chosen'))
    _add_pool(parser.add_argument_group('which images there are'))
    group = parser.add_argument_group('model and speed')
    add_base_argument(group)
    group.add_argument('--device', default='auto', help='auto, cpu or cuda (default: auto)')
    group.add_argument('--batch-size', type=int, default=1, help='images at once (default: 1)')
    group.add_argument('--workers', type=int, default=2, help='threads that read (default: 2)')
    add_test_output(parser)
    _add_simulation(parser.add_argument_group('simulation on annotated images'))


def _add_choice(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add('--count', type=int, default=20, help='images (default: 20)')
    add(
        '--method',
        nargs='+',
        help='random, stratified by what the model marks, side and view (default); entropy, where the '
        'model is least certain; clusters, images unlike each other (--simulate: one or more, default: all)',
    )
    add('--per-patient', type=int, default=2, help='at most so many of a patient (default: 2)')
    add(
        '--random-share',
        type=float,
        default=0.2,
        help='share that is plain random, and for testing (default: 0.2)',
    )
    add('--round', type=int, help='number of the round (default: 1 more than --earlier)')
    add('--seed', type=int, default=0, help='of all chance (default: 0)')


def _add_pool(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--earlier',
        type=Path,
        nargs='+',
        default=[],
        metavar='FOLDER',
        help='folders of earlier rounds, whose images are not chosen again',
    )
    group.add_argument(
        '--patient-pattern',
        default='',
        metavar='REGEX',
        help='patient in the path of an image, as in a preparation',
    )


def _add_simulation(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add('--simulate', type=int, metavar='ROUNDS', help='compare the methods over so many rounds')
    add('--config', default='few/unet_full', help='config of a tuning (default: few/unet_full)')
    add('--seeds', type=int, default=3, help='repetitions of each method (default: 3)')
    add_cfg_options(group)


@host_command
def main(args: argparse.Namespace) -> None:
    """Choose, and say what was chosen; or simulate."""
    with resumable():
        if args.simulate is None:
            choose(args)
        else:
            from mmseg_mammo.cli.annotate_rounds import simulate_rounds

            simulate_rounds(args, read_settings(args))


def choose(args: argparse.Namespace) -> None:
    """Choose images of a pool.

    Args:
        args: The command line.

    Raises:
        MammoError: See :func:`.read_pool` and :func:`.choose_next`.
    """
    from mmseg_mammo.inference.predictor import Predictor
    from mmseg_mammo.studies.annotation.next_images import choose_next
    from mmseg_mammo.studies.annotation.pool import read_pool

    settings = read_settings(args)
    check_counts(args, ('batch_size', 'workers'))
    pool = read_pool(args.data, args.out, args.earlier, args.patient_pattern)
    say_pool(pool)
    predictor = Predictor(
        args.checkpoint,
        device=args.device,
        base=args.base,
        threshold=args.threshold,
        operating_point=args.operating_point,
        breast_only=args.breast_only,
    )
    found = choose_next(
        predictor,
        pool,
        args.out,
        settings,
        data=args.data,
        batch_size=args.batch_size,
        workers=args.workers,
    )
    say_choice(args.out, settings.count, found)


def read_settings(args: argparse.Namespace) -> 'Settings':
    """How to choose, by a command line.

    Raises:
        MammoError: A value means nothing.
    """
    from mmseg_mammo.studies.annotation.choose import Settings

    method, *others = args.method or ['random']
    if others and args.simulate is None:
        raise MammoError(f'--method {method} {others[0]}', 'one method')
    if args.seed < 0:
        raise MammoError(f'--seed {args.seed}', 'a number from 0 on')
    return Settings(
        method=method,
        count=args.count,
        per_patient=args.per_patient,
        random_share=args.random_share,
        number=len(args.earlier) + 1 if args.round is None else args.round,
        seed=args.seed,
    )


def say_pool(pool: 'Pool') -> None:
    """Print which images may be chosen, and which are left out."""
    print(f'{len(pool.inputs)} images may be chosen, {len(pool.covered)} are left out', flush=True)
    for why, count in Counter(why for _, why in pool.covered).items():
        names = [source.image for source, reason in pool.covered if reason == why]
        more = f' and {count - 5} more' if count > 5 else ''
        print(f'  {why}: {count}: {", ".join(names[:5])}{more}')
    if pool.without_patient:
        print(
            f'WARNING: nobody tells the patient of {pool.without_patient} images: each counts as one of '
            'its own. Give --patient-pattern, or a table with patient_id.'
        )


def say_choice(out: Path, count: int, found: 'Outcome') -> None:
    """Print what was chosen, and what to do with it."""
    if found.before:
        print(f'{out} is complete, and stays as it is: its masks may have been corrected.')
    for name, why in found.failed.items():
        print(f'WARNING: left out: {name}: {why}')
    test = sum(row['for_test'] == 'yes' for row in found.rows)
    print(f'{len(found.rows)} images: {len(found.rows) - test} for training, {test} for testing')
    if len(found.rows) < count and not found.before:
        print(
            f'WARNING: {count} were asked for: there are no more images that may be chosen '
            '(at most --per-patient of each patient, and no patient on both sides of the split).'
        )
    print(f'{out / "README.md"}: what to do. {out / "sheet_1.png"}: the images.')
