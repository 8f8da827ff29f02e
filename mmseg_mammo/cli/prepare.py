r"""Prepare a hospital's mammograms and masks: images/, masks/, index.csv and audit.csv.

Example:
  mammoseg prepare data/zgt --table export/annotations.csv
  mammoseg prepare data/ours --images export/dicom --masks export/masks \
      --mask-suffix _mask --patient-pattern '^(P[0-9]+)_' --empty-mask-means not-annotated
  mammoseg prepare data/zgt --table lijst.xlsx --column image=bestand annotated=afwijking \
      --value annotated ja=lesion nee=normal '?'=no
  mammoseg prepare data/new --images export/dicom --not-annotated
  mammoseg prepare data/big --table big.csv --shard $SLURM_ARRAY_TASK_ID/8    # then --merge

The same command again makes only what is missing. docs/new_hospital.md explains every step.
"""

import argparse
import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.common import named_errors, resumable
from mmseg_mammo.cli.prepare_options import (
    add_prepare_arguments,
    check_inputs,
    read_numbers,
    read_pairs,
)
from mmseg_mammo.cli.prepared import finish_prepared
from mmseg_mammo.cli.shards import read_shard, say_shard
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Gaps
from mmseg_mammo.preparation.hospital.spelling import parse_values

if TYPE_CHECKING:
    from mmseg_mammo.preparation.hospital.entry import Entry, Problem
    from mmseg_mammo.preparation.hospital.prepare import Prepared, Settings
    from mmseg_mammo.preparation.shards import Shard, ShardCounts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the preparation of a hospital."""
    add_prepare_arguments(parser)


def main(args: argparse.Namespace) -> None:
    """Read, prepare, and say what was done."""
    check_inputs(args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # names that no encoding can show
    from mmseg_mammo.preparation.hospital.summary import summarise

    with named_errors(args.parser.prog, OSError), resumable():
        shard = read_shard(args)
        if shard is not None:
            say_shard(shard, make_hospital_shard(args, shard), args.out)
            return
        outcome = prepare_hospital(args)
        print(*summarise(outcome, args.out, args.mask_kind is not None), sep='\n')
        finish_prepared(args)


def prepare_hospital(args: argparse.Namespace) -> 'Prepared':
    """Turn the command line into one call of ``prepare``.

    Raises:
        MammoError: An argument, a table or an image cannot be used.
    """
    from mmseg_mammo.preparation.hospital.prepare import prepare

    entries, problems, settings, notes = _read_command_line(args)
    outcome = prepare(entries, problems, args.out, settings)
    return replace(outcome, warnings=[*(f'WARNING: {note}' for note in notes), *outcome.warnings])


def make_hospital_shard(args: argparse.Namespace, shard: 'Shard') -> 'ShardCounts':
    """Turn the command line into one call of ``prepare_shard``.

    Args:
        args: The command line.
        shard: What it asks for.

    Raises:
        MammoError: See :func:`prepare_hospital`.
    """
    from mmseg_mammo.preparation.hospital.prepare import prepare_shard

    entries, problems, settings, _ = _read_command_line(args)
    return prepare_shard(entries, problems, args.out, settings, shard)


def _read_command_line(
    args: argparse.Namespace,
) -> 'tuple[list[Entry], list[Problem], Settings, list[str]]':
    """The rows, those that are bad, the settings, and what a user should know of the rows."""
    from mmseg_mammo.preparation.hospital.image import PixelOptions
    from mmseg_mammo.preparation.hospital.prepare import Settings, mark_phantom

    fractions = {'test': args.test_fraction, 'val': args.val_fraction}
    origin = args.images if args.table is None else args.table
    root = args.root or origin.parent if args.table is not None else origin
    notes: list[str] = []
    entries, problems = _read(args, origin, root, any(fractions.values()), notes)
    name = args.source or args.out.resolve().name
    source, mask_kind = mark_phantom(name, args.mask_kind or 'contour', root, origin.parent)
    settings = Settings(
        origin=origin,
        source=source,
        mask_kind=mask_kind,
        pixels=PixelOptions(
            args.long_side, not args.no_voi, read_numbers(args.lesion_values), args.nvimagecodec
        ),
        fractions=fractions,
        seed=args.seed,
        skip_bad=args.skip_bad,
        workers=args.jobs,
        merge=args.merge,
    )
    return entries, problems, settings, notes


def _read(
    args: argparse.Namespace, origin: Path, root: Path, carved: bool, notes: list[str]
) -> 'tuple[list[Entry], list[Problem]]':
    """The rows of a table or of folders; ``notes`` gets what a user should know of them."""
    from mmseg_mammo.preparation.hospital.drawings import list_drawn, read_drawings
    from mmseg_mammo.preparation.hospital.folders import pair_folders
    from mmseg_mammo.preparation.hospital.images_alone import list_images
    from mmseg_mammo.preparation.hospital.rows import add_rounds, note_splits
    from mmseg_mammo.preparation.hospital.table import Reading, read_hospital_table

    gaps = Gaps(
        empty_mask=args.empty_mask_means,
        split=args.split or ('train' if carved else 'test'),
        patient_pattern=args.patient_pattern,
        image_labels=args.image_labels,
    )
    columns, fixed = read_pairs('--column', args.column), read_pairs('--set', args.set)
    drawings = read_drawings(args.coco, args.lesion_categories) if args.coco else None
    if args.table is not None:
        values = parse_values(args.value, COLUMNS)
        reading = Reading(values, args.overwrite_column, args.sheet, notes)
        found = read_hospital_table(origin, root, columns, fixed, gaps, reading, drawings)
        entries, problems = add_rounds(found, args.rounds, gaps, notes)
        notes += note_splits(entries, gaps.split) if args.split is None else []
        return entries, problems
    if drawings is not None:
        return list_drawn(origin, drawings, fixed, gaps, args.image_suffix)
    if args.not_annotated:
        return list_images(origin, fixed, gaps, args.image_suffix)
    return pair_folders(origin, args.masks, args.mask_suffix, fixed, gaps, args.image_suffix)
