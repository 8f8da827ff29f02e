"""Look at prepared images, or at what a network sees: contact sheets, suspicious ones first.

Example:
  mammoseg browse data/ours --out browse
  mammoseg browse data/ours --against CHECKPOINT --out browse
  mammoseg browse my_hospital.py --out browse

Masks are outlined. Given a config, the sheets are of its data, and one more shows images after
every step of its pipeline.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.common import host_command, named_errors, resumable
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME, SPLITS

if TYPE_CHECKING:
    from mmseg_mammo.preparation.browse.look import Item
    from mmseg_mammo.preparation.likeness import Reference

FOLDER, SAMPLE = 'browse', 200  # of a preparation: below its folder, so many images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a look at the data."""
    add = parser.add_argument
    add('source', help='prepared folder, its index.csv, or a config')
    add('-o', '--out', type=Path, required=True, help='folder of the sheets and their page')
    add(
        '--against',
        type=Path,
        metavar='CHECKPOINT',
        help='compare with the images that this checkpoint was trained on',
    )
    add(
        '--side',
        type=int,
        help="side of a config's square model input in pixels (default: its own)",
    )
    add('--split', choices=SPLITS, help='one split (default: all; of a config train)')
    add('--most', type=int, default=200, help='images on sheets; 0 shows all (default: 200)')
    add('--steps', type=int, default=6, metavar='N', help='images after every step (default: 6)')


def add_no_browse_argument(parser: argparse._ActionsContainer) -> None:
    """Let a preparation end without a look at what it wrote."""
    parser.add_argument(
        '--no-browse',
        action='store_true',
        help=f'write no contact sheets to OUT/{FOLDER} at the end (default: of {SAMPLE} images)',
    )


def browse_prepared(out: Path) -> None:
    """Look at a sample of a folder that has just been prepared, and say where the sheets are.

    Args:
        out: The prepared folder.
    """
    import numpy as np

    from mmseg_mammo.preparation.browse.browse import PAGE, browse
    from mmseg_mammo.preparation.browse.look import read_items

    items = read_items(out / INDEX_NAME)
    chosen = np.unique(np.linspace(0, len(items) - 1, SAMPLE).round().astype(int))
    found = browse([items[number] for number in chosen], out / FOLDER)
    odd = sum(bool(reasons) for _, reasons in found)
    of = f'{len(found)} of {len(items)}' if len(found) < len(items) else f'{len(items)}'
    print(f'{out / FOLDER / PAGE}: sheets of {of} images, {odd} of them suspicious')


def main(args: argparse.Namespace) -> None:
    """Look, and say where the sheets are. A prepared folder needs no host."""
    index = Path(args.source)
    index = index / INDEX_NAME if index.is_dir() else index
    if index.name != INDEX_NAME:
        _browse_config(args)
        return
    with named_errors(args.parser.prog, OSError), resumable():
        if args.side is not None:
            raise MammoError(f'--side {args.side}: no effect on prepared images', 'beside a config')
        from mmseg_mammo.preparation.browse.look import read_items

        items = [item for item in read_items(index) if args.split in (None, item.row.split)]
        if not items:
            raise MammoError(f'{index}: no image of --split {args.split}', 'a split that it has')
        _browse(args, items)


def read_reference(checkpoint: Path) -> 'Reference':
    """The training images of a checkpoint.

    Raises:
        MammoError: It tells of none, or of too few.
    """
    from mmseg_mammo.io.checkpoint_record import read_record
    from mmseg_mammo.preparation.likeness import reference_of

    reference = reference_of((read_record(checkpoint) or {}).get('images') or {})
    if reference is None:
        raise MammoError(
            f'--against {checkpoint}: it does not tell of ten training images or more',
            'a checkpoint that mammoseg train wrote',
        )
    return reference


def _browse(args: argparse.Namespace, items: 'list[Item]', steps: bool = False) -> 'list[Item]':
    """The images in the order of suspicion."""
    from mmseg_mammo.preparation.browse.browse import PAGE, TABLE, browse

    if args.most < 0 or args.steps < 1:
        raise MammoError(
            f'--most {args.most} --steps {args.steps}', '--most from 0, --steps from 1'
        )
    reference = read_reference(args.against) if args.against else None
    against = _name_of(args.against) if args.against else ''
    found = browse(items, args.out, reference, args.most, steps, against)
    odd = sum(bool(reasons) for _, reasons in found)
    print(f'{odd} of {len(found)} images are suspicious: {args.out / TABLE} says why')
    print(f'{args.out / PAGE}: the sheets')
    return [item for item, _ in found]


def _name_of(checkpoint: Path) -> str:
    """File name and the start of the SHA-256: many a checkpoint is called best.pth."""
    from mmseg_mammo.io.files import sha256

    return f'{checkpoint.name} (SHA-256 {(sha256(checkpoint) or "unknown")[:12]})'


@host_command
def _browse_config(args: argparse.Namespace) -> None:
    from mmseg_mammo.engine.config.edits import use_side
    from mmseg_mammo.engine.config.input_side import check_side
    from mmseg_mammo.engine.config.load import read_config, refuse_tuning
    from mmseg_mammo.engine.training_record.reference import fill_reference
    from mmseg_mammo.inference.step_pictures import browsed_data, write_steps
    from mmseg_mammo.preparation.browse.browse import STEPS

    cfg = read_config(args.source)
    refuse_tuning(cfg)
    if args.side is not None:
        if not cfg.get('model'):
            raise MammoError(f'--side {args.side}: {args.source} has no model')
        check_side(cfg, args.side)
        use_side(cfg, args.side)
    fill_reference(cfg)
    places = browsed_data(cfg, args.split or 'train')
    order = _browse(args, [*places], steps=True)
    half = (args.steps + 1) // 2  # the most suspicious ones; the others are the least
    chosen = dict.fromkeys([*order[:half], *order[half:][-(args.steps - half) or len(order) :]])
    write_steps(args.out / STEPS, [places[item] for item in chosen])
