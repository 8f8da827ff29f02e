"""Predict on new images: masks, overlays, tables of what is marked, and a page to look at.

Example:
  mammoseg predict CHECKPOINT export/dicom --out predictions
  mammoseg predict CHECKPOINT a.dcm b.png table.csv --out predictions --seg
  mammoseg predict CHECKPOINT data/ours --out predictions --operating-point ours.json

Inputs are DICOM, PNG, JPEG, TIFF, BMP and PGM files, folders of them, tables (CSV, .xlsx) with a
column image, and prepared folders. The same command again makes only what is missing. Not a medical device.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_mammo.cli.arguments import (
    add_base_argument,
    add_prompt_arguments,
    add_test_output,
    read_coordinates,
)
from mmseg_mammo.cli.common import check_counts, host_command, resumable
from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.likeness import USUAL_SHARE

if TYPE_CHECKING:
    from mmseg_mammo.inference.prediction_folder.image_files import Outputs
    from mmseg_mammo.inference.predictor import Predictor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a prediction."""
    add = parser.add_argument
    add('checkpoint', type=Path, help='checkpoint file; it brings all that is needed')
    add(
        'inputs', type=Path, nargs='+', metavar='INPUT', help='file, folder, table, prepared folder'
    )
    add('-o', '--out', type=Path, required=True, help='folder of everything: new, or to go on with')
    add('--split', choices=['train', 'val', 'test'], help='of prepared folders (default: all)')
    _add_model(parser.add_argument_group('model'))
    add_test_output(parser)
    add_prompt_arguments(parser)
    _add_output(parser.add_argument_group('what is written beside masks, overlays and tables'))
    _add_speed(parser.add_argument_group('speed, and many machines'))


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--ensemble',
        type=Path,
        nargs='+',
        default=[],
        metavar='CHECKPOINT',
        help='further checkpoints; the mean of the probabilities is cut',
    )
    group.add_argument('--config', help="config file (default: the checkpoint's own)")
    add_base_argument(group)
    group.add_argument(
        '--tta',
        action='store_true',
        help='test-time augmentation: the mean with the mirrored image',
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--probabilities', action='store_true', help='probability maps, PNG of 16 bits, 65535 is 1'
    )
    group.add_argument(
        '--seg', action='store_true', help='DICOM SEG of DICOM images that are marked'
    )
    group.add_argument(
        '--empty-seg', action='store_true', help='DICOM SEG also where nothing is marked'
    )


def _add_speed(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add('--device', default='auto', help='auto, cpu, cuda or cuda:1 (default: auto)')
    add('--batch-size', type=int, help='images at once (default: 1 on the CPU, 8 on a GPU)')
    add('--workers', type=int, default=2, help='threads that read, and that write (default: 2)')
    add(
        '--num-parts',
        type=int,
        default=1,
        metavar='N',
        help='processes that share the inputs (default: 1)',
    )
    add(
        '--part-id',
        type=int,
        default=0,
        metavar='K',
        help='number of this one, from 0 (default: 0)',
    )


@host_command
def main(args: argparse.Namespace) -> None:
    """Predict, and say where everything is."""
    with resumable():
        predict(args)


def predict(args: argparse.Namespace) -> None:
    """Predict on a part of the inputs; once all parts are done, make the page too.

    Args:
        args: The command line.

    Raises:
        MammoError: See :func:`.predict_folder`; or none of the images could be predicted.
    """
    from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
    from mmseg_mammo.inference.prediction_folder.predict import Share, predict_folder
    from mmseg_mammo.reporting.predictions import write_prediction_page

    check_counts(args, ('batch_size', 'workers', 'num_parts'))
    share = Share(args.num_parts, args.part_id)
    inputs = find_inputs(args.inputs, args.out, args.split)
    predictor = build(args)
    batch_size = args.batch_size or (1 if predictor.device == 'cpu' else 8)
    device = predictor.device_name
    if (args.device, device) == ('auto', 'cpu'):
        device = 'the CPU (no GPU found)'
    print(f'{len(share.of(inputs))} images on {device}, {batch_size} at once', flush=True)
    record = predict_folder(
        predictor,
        inputs,
        args.out,
        read_outputs(args, predictor),
        share=share,
        batch_size=batch_size,
        workers=args.workers,
    )
    if record is None:
        print(f'Part {args.part_id} is done. The part that ends last writes the tables.')
        return
    write_prediction_page(args.out)
    say_what_was_done(args.out, record)
    if not record['counts']['images']:
        raise MammoError(
            f'{args.out}: none of {len(inputs)} images could be predicted',
            remedy=f'See the reasons in {args.out / "failed.csv"}',
        )


def build(args: argparse.Namespace) -> 'Predictor':
    """The predictor of a command line."""
    from mmseg_mammo.inference.predictor import Predictor

    return Predictor(
        [args.checkpoint, *args.ensemble],
        config=args.config,
        device=args.device,
        base=args.base,
        threshold=args.threshold,
        operating_point=args.operating_point,
        breast_only=args.breast_only,
        flip=args.tta,
        prompts=args.prompts,
        coordinates=read_coordinates(args),
    )


def read_outputs(args: argparse.Namespace, predictor: 'Predictor') -> 'Outputs':
    """What a command line asks for beside masks, overlays and tables.

    Raises:
        HostError: A DICOM SEG is asked for, and highdicom is not installed.
    """
    from mmseg_mammo.inference.prediction_folder.image_files import Outputs
    from mmseg_mammo.io.dicom.segmentation import check_highdicom
    from mmseg_mammo.io.files import sha256

    if args.seg or args.empty_seg:
        check_highdicom()
    return Outputs(
        probabilities=args.probabilities,
        segmentations=args.seg or args.empty_seg,
        empty_segmentations=args.empty_seg,
        model=predictor.name,
        serial=(sha256(args.checkpoint) or '')[:16],
    )


def say_what_was_done(out: Path, record: dict[str, Any]) -> None:
    """Print the counts, what failed, and where to look.

    Args:
        out: The prediction folder.
        record: Of ``run.json``.
    """
    counts = record['counts']
    failed = f', see {out / "failed.csv"}' * bool(counts['failed'])
    print(
        f'{counts["images"]} images predicted, {counts["with_marks"]} with marks at threshold '
        f'{record["threshold"]:g}; {counts["failed"]} failed{failed}'
    )
    if counts.get('closed'):
        limit = record['presence_threshold']
        above = 'without a prompt' if limit is None else f'presence not above {limit:.4g}'
        print(f'{counts["closed"]} images closed, and left empty: {above}')
    if counts['without_prompt']:
        print(f'{counts["without_prompt"]} images without a prompt: predicted empty')
    if counts['without_segmentation']:
        print(
            f'{counts["without_segmentation"]} images predicted, but not written as DICOM SEG, '
            f'see {out / "failed.csv"}'
        )
    if counts['compared']:
        print(
            f'{counts["unlike"]} of {counts["compared"]} images are unlike the training images, '
            f'{counts["unusual"]} more unusual (of images like those {USUAL_SHARE:.0%} would be '
            'either): see likeness_why'
        )
    print(f'{out / "index.html"}: the images. {out / "predictions.csv"}: the table.')
    print('Not a medical device.')
