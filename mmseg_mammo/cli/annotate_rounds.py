"""Simulation of ``mammoseg annotate-next``: methods of choice compared on annotated images."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.common import check_counts
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.index import INDEX_NAME, read_index

if TYPE_CHECKING:
    from mmseg_mammo.studies.annotation.choose import Settings


def simulate_rounds(args: argparse.Namespace, settings: 'Settings') -> None:
    """Compare methods of choice: rounds, tables, a picture.

    Args:
        args: The command line of ``annotate-next``.
        settings: What it says of a choice.

    Raises:
        MammoError: An option means nothing, the folder is not annotated, or ``--out`` is of other rounds.
    """
    from mmseg_mammo.engine.config.load import read_config
    from mmseg_mammo.inference.prediction_folder.tables import claim_folder
    from mmseg_mammo.studies.annotation.cells import real_tools
    from mmseg_mammo.studies.annotation.methods import METHODS
    from mmseg_mammo.studies.annotation.rounds import write_rounds
    from mmseg_mammo.studies.annotation.simulate import archive_of, simulate

    check_counts(args, ('simulate', 'seeds'))
    methods = args.method or METHODS
    if unknown := [name for name in methods if name not in METHODS]:
        raise MammoError(f'--method {unknown[0]}', ', '.join(METHODS))
    refuse_options(args)
    few = read_config(args.config)
    few.merge_from_dict(args.cfg_options or {})
    archive = archive_of(args.data, read_index(args.data / INDEX_NAME))
    if args.simulate * args.count > len(archive.pool):
        raise MammoError(
            f'--simulate {args.simulate} rounds of --count {args.count} images',
            f'{len(archive.pool)} images in all, those of the splits train and val',
        )
    tools = real_tools(few, args.checkpoint, args.data, args.device)
    claim_folder(args.out, _settings_of(args), 'a simulation', 'annotate-next --simulate')
    for seed in range(args.seed, args.seed + args.seeds):
        for method in methods:
            print(
                f'{method}, seed {seed}: {args.simulate} rounds of {args.count} images', flush=True
            )
            if not simulate(archive, method, seed, args.simulate, settings, tools, args.out):
                print(f'{method}, seed {seed}: another process does it', flush=True)
            write_rounds(args.out)
    say_rounds(args.out)


def refuse_options(args: argparse.Namespace) -> None:
    """Refuse options of a choice that a simulation has no use for.

    Args:
        args: The command line.

    Raises:
        MammoError: One is given.
    """
    given = {
        '--earlier': args.earlier,
        '--patient-pattern': args.patient_pattern,
        '--round': args.round,
        '--base': args.base,
        '--threshold': args.threshold,
        '--operating-point': args.operating_point,
        '--breast-only': args.breast_only,
    }
    for name, value in given.items():
        if value:
            raise MammoError(
                f'{name} with --simulate',
                'options of the model and of the rounds',
                'Leave it out; the threshold is that of the checkpoint',
            )


def say_rounds(out: Path) -> None:
    """Print what each method came to after its last round.

    Args:
        out: Folder of the simulations.
    """
    from mmseg_mammo.studies.annotation.rounds import PICTURE, SUMMARY, write_rounds

    lines = write_rounds(out)
    last = {line['method']: line for line in sorted(lines, key=lambda line: line['round'])}
    for name, line in last.items():
        text = f'{name}: lesion Dice {line["lesion_dice"]:.1f}'
        text += f' ({line["low"]:.1f} to {line["high"]:.1f})' * (not math.isnan(line['low']))
        text += f' with {line["images"]:g} images, {line["seeds"]} seed{"s" * (line["seeds"] > 1)}'
        if 'against_random' in line:
            low, high = line['against_random_low'], line['against_random_high']
            text += f'; against random {line["against_random"]:+.1f}'
            text += f' ({low:+.1f} to {high:+.1f})' * (not math.isnan(low))
        print(text)
    print(f'{out / SUMMARY}: the table. {out / PICTURE}: the picture.')


def _settings_of(args: argparse.Namespace) -> dict[str, object]:
    """What all methods and seeds of a folder share; more of them can be added later."""
    return {
        'data': str(args.data.resolve()),
        'index': sha256(args.data / INDEX_NAME),
        'start': sha256(args.checkpoint),
        'config': Path(args.config).stem,
        'options': {name: str(value) for name, value in (args.cfg_options or {}).items()},
        'count': args.count,
        'per_patient': args.per_patient,
    }
