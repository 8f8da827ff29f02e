"""Set the threshold of a model, and its temperature, on a hospital's own annotated images.

Example:
  mammoseg calibrate CHECKPOINT --data data/ours --target specificity=0.9
  mammoseg calibrate unet_cbis CHECKPOINT --data data/ours --target sensitivity=0.95
  mammoseg calibrate CHECKPOINT --data data/ours --promise pixel-recall=0.9

Normal images alone are enough for a specificity. Lesions with masks give the temperature too. A model
that says whether there is a lesion at all has its presence threshold set, that of its pixels stays. Take
images that the model was not trained on, and other ones than those of a later test. The result,
operating_point.json, is read by --operating-point of test and predict. docs/calibrate.md says more,
docs/promises.md of promises, which test measures on other images.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.arguments import add_base_argument, add_cfg_options
from mmseg_mammo.cli.common import host_command

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmseg_mammo.evaluation.conformal.promise import Promise
    from mmseg_mammo.inference.calibration.choice import Chosen
    from mmseg_mammo.inference.calibration.promised import Promised
    from mmseg_mammo.io.operating_point import OperatingPoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a calibration."""
    add = parser.add_argument
    add('config', nargs='?', help='config file (default: that of the checkpoint)')
    add('checkpoint', type=Path, help='checkpoint file of a training')
    add_base_argument(parser)
    add('--data', dest='dataset', required=True, help='prepared folder, such as data/ours')
    add(
        '--split',
        dest='splits',
        nargs='+',
        choices=['train', 'val', 'test'],
        default=['val'],
        help='splits of it to calibrate on (default: val)',
    )
    _add_aims(parser)
    add(
        '--pixel-threshold',
        action='store_true',
        help='of a model with presence: set the threshold of pixels, and close no image (default: '
        'set the presence threshold)',
    )
    add('--out', type=Path, help='new file (default: operating_point.json beside the checkpoint)')
    add(
        '--breast-only',
        action='store_true',
        default=None,
        help='set probabilities outside the breast to 0 (default: as the config says, which is no)',
    )
    add('--side', type=int, help="side of the square model input in pixels (default: the config's)")
    add('--device', help='cpu, cuda, or one GPU such as cuda:1 (default: a GPU if there is one)')
    add_cfg_options(parser)
    parser.set_defaults(launcher='none', work_dir=None, split=None)


def _add_aims(parser: argparse.ArgumentParser) -> None:
    """Add what a threshold is to reach."""
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        '--target',
        default='specificity=0.9',
        help='specificity=S: share of normal images without a mark; or sensitivity=S: share of '
        'images with a lesion that have one (default: %(default)s)',
    )
    asked.add_argument(
        '--promise',
        help='in its place, what holds of images like these: pixel-recall=R, image-recall=R, '
        'false-marks=F (an image) or missed-lesions=M',
    )
    parser.add_argument(
        '--confidence',
        type=float,
        help='of the promise, such as 0.95: it holds in that share of all calibrations (default: '
        'on average over them)',
    )


@host_command
def main(args: argparse.Namespace) -> None:
    """Look at the images, choose, and write the file; nothing is overwritten."""
    from mmseg_mammo.engine.checkpoint import check_checkpoint
    from mmseg_mammo.io.operating_point import (
        OPERATING_POINT,
        check_new,
        write_operating_point,
    )

    target = _read_aim(args)
    out = args.out or args.checkpoint.with_name(OPERATING_POINT)
    check_new(out)
    check_checkpoint(args.checkpoint)
    cfg = read_calibration(args)
    chosen = _choose(args, cfg, target)
    print('\n'.join(chosen.lines))
    point = _point(args, cfg, chosen)
    print('\n'.join([*chosen.effects, *point.notes]))
    write_operating_point(out, point)
    print(f'{out} is written. Next: mammoseg predict {args.checkpoint} … --operating-point {out}')


def _read_aim(args: argparse.Namespace) -> 'tuple[str, float] | Promise':
    """The target, or the promise.

    Raises:
        MammoError: It is none; or a confidence that is none, or has no promise.
    """
    from mmseg_mammo.errors import MammoError
    from mmseg_mammo.evaluation.conformal.promise import Promise
    from mmseg_mammo.io.operating_point import read_target

    sure = args.confidence
    if sure is not None and not (args.promise and 0 < sure < 1):
        raise MammoError(f'--confidence {sure:g}', 'a share between 0 and 1, beside --promise')
    return Promise.read(args.promise, sure) if args.promise else read_target(args.target)


def _choose(
    args: argparse.Namespace, cfg: 'Config', target: 'tuple[str, float] | Promise'
) -> 'Chosen | Promised':
    """Run the model over the images, and choose."""
    from mmseg_mammo.engine.checkpoint import load_model
    from mmseg_mammo.engine.config.test_output import (
        describe_test_output,
        has_presence,
        use_test_output,
    )
    from mmseg_mammo.engine.devices import choose_device
    from mmseg_mammo.evaluation.conformal.promise import Promise
    from mmseg_mammo.evaluation.image_level.threshold import check_enough
    from mmseg_mammo.inference.calibration.choice import choose_pixels, choose_presence
    from mmseg_mammo.inference.calibration.look import annotations, check_model
    from mmseg_mammo.inference.calibration.promised import check_images, choose_promised
    from mmseg_mammo.inference.trained_model import say_changes

    check_model(cfg)
    before = describe_test_output(cfg)
    by_presence = has_presence(cfg) and not args.pixel_threshold
    promised = isinstance(target, Promise)
    temperature = before['temperature'] if by_presence or promised else 1.0
    use_test_output(cfg, temperature=temperature, breast_only=args.breast_only)
    if promised and has_presence(cfg) and args.pixel_threshold:
        use_test_output(cfg, presence_threshold=0.0)
    say_changes(cfg, args.checkpoint)
    model = load_model(cfg, args.checkpoint, choose_device(args.device or 'auto'))
    if isinstance(target, Promise):
        check_images(cfg, args.splits, target)
        return choose_promised(model, cfg, args.splits, target, by_presence)
    kinds = annotations(cfg, args.splits)
    wanted = 'lesion' if target[0] == 'sensitivity' else 'normal'
    check_enough(kinds.count(wanted), *target)
    find = choose_presence if by_presence else choose_pixels
    return find(model, cfg, args.splits, target, before)


def read_calibration(args: argparse.Namespace) -> 'Config':
    """The config that was named, or the checkpoint's own, with the options of the command line.

    Raises:
        MammoError: The data were not prepared, or see :func:`.load_config`.
    """
    from mmseg_mammo.engine.config.load import load_config
    from mmseg_mammo.engine.partial_checkpoint import use_base
    from mmseg_mammo.errors import MammoError
    from mmseg_mammo.io.index import INDEX_NAME

    if not (Path(args.dataset) / INDEX_NAME).is_file():
        raise MammoError(
            f'--data {args.dataset}: no {INDEX_NAME} in it', 'a folder of mammoseg prepare'
        )
    cfg = load_config(args)
    use_base(cfg, args.checkpoint, args.base)
    return cfg


def _point(
    args: argparse.Namespace, cfg: 'Config', chosen: 'Chosen | Promised'
) -> 'OperatingPoint':
    """What is written."""
    from mmseg_mammo.engine.config.test_output import describe_test_output
    from mmseg_mammo.inference.calibration.learned import note_on_learned
    from mmseg_mammo.io.checkpoint_record import read_record
    from mmseg_mammo.io.files import sha256
    from mmseg_mammo.io.index import INDEX_NAME
    from mmseg_mammo.io.operating_point import OperatingPoint

    seen, output = chosen.seen, describe_test_output(cfg)
    index = sha256(Path(cfg.test_dataloader.dataset.data_root) / INDEX_NAME)
    learned = note_on_learned(read_record(args.checkpoint), index, args.splits)
    return OperatingPoint(
        threshold=chosen.threshold,
        temperature=chosen.temperature,
        breast_only=output['breast_only'],
        flips=output['flips'],
        target=args.promise or args.target,
        images={
            'split': ' '.join(args.splits),
            'sources': sorted(set(seen.sources.tolist())),
            'lesion': int(seen.lesion.sum()),
            'normal': int((~seen.lesion).sum()),
            'patients': len(set(seen.patients.tolist())),
            'index_sha256': index,
        },
        model={
            'checkpoint': args.checkpoint.name,
            'checkpoint_sha256': sha256(args.checkpoint),
            'config': Path(cfg.filename).name,
        },
        notes=(*learned, *chosen.notes),
        **{**chosen.facts, **chosen.presence},
    )
