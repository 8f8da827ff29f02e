"""Set the threshold of a model, and its temperature, on a hospital's own annotated images.

Example:
  mammoseg calibrate CHECKPOINT --data data/ours --target specificity=0.9
  mammoseg calibrate unet_cbis CHECKPOINT --data data/ours --target sensitivity=0.95

Normal images alone are enough for a specificity. Lesions with masks give the temperature too. Take
images that the model was not trained on, and other ones than those of a later test. The result,
operating_point.json, is read by --operating-point of test and predict. docs/calibrate.md says more.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_mammo.cli.arguments import add_base_argument, add_cfg_options
from mmseg_mammo.cli.common import host_command

if TYPE_CHECKING:
    from mmengine.config import Config


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
    add(
        '--target',
        default='specificity=0.9',
        help='specificity=S: share of normal images without a mark; or sensitivity=S: share of '
        'images with a lesion that have one (default: %(default)s)',
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


@host_command
def main(args: argparse.Namespace) -> None:
    """Look at the images, choose, and write the file; nothing is overwritten."""
    from mmseg_mammo.engine.checkpoint import check_checkpoint, load_model
    from mmseg_mammo.engine.config.test_output import describe_test_output, use_test_output
    from mmseg_mammo.engine.devices import choose_device
    from mmseg_mammo.evaluation.image_level.threshold import check_enough, choose, describe, effects
    from mmseg_mammo.inference.calibration.look import annotations, calibrated, check_model
    from mmseg_mammo.inference.trained_model import say_changes
    from mmseg_mammo.io.operating_point import (
        OPERATING_POINT,
        check_new,
        read_target,
        write_operating_point,
    )

    kind, share = read_target(args.target)
    out = args.out or args.checkpoint.with_name(OPERATING_POINT)
    check_new(out)
    check_checkpoint(args.checkpoint)
    cfg = read_calibration(args)
    check_model(cfg)
    before = describe_test_output(cfg)
    use_test_output(cfg, temperature=1.0, breast_only=args.breast_only)
    say_changes(cfg, args.checkpoint)
    model = load_model(cfg, args.checkpoint, choose_device(args.device or 'auto'))
    kinds = annotations(cfg, args.splits)
    check_enough(kinds.count('lesion' if kind == 'sensitivity' else 'normal'), kind, share)
    temperature, seen, former = calibrated(model, cfg, args.splits, before['temperature'])
    choice = choose(seen.scores, seen.lesion, seen.patients, kind, share)
    print('\n'.join(describe(choice)))
    fitted = (
        'fitted to the pixels of all images' if seen.lesion.any() else 'no lesions to fit it to'
    )
    print(f'temperature {temperature:.4g} ({fitted})')
    cuts = {'before': (former, before['threshold']), 'now': (seen.scores, choice.threshold)}
    point = _point(args, cfg, temperature, seen, choice)
    print('\n'.join([*effects(seen.lesion, cuts), *point.notes]))
    write_operating_point(out, point)
    print(f'{out} is written. Next: mammoseg predict {args.checkpoint} … --operating-point {out}')


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
    args: argparse.Namespace, cfg: 'Config', temperature: float, seen: Any, choice: Any
) -> Any:
    """What is written."""
    from mmseg_mammo.engine.config.test_output import describe_test_output
    from mmseg_mammo.evaluation.operating_point import LEVEL
    from mmseg_mammo.io.files import sha256
    from mmseg_mammo.io.index import INDEX_NAME
    from mmseg_mammo.io.operating_point import OperatingPoint

    low, high = choice.thresholds
    notes = ['An image counts as marked if any pixel exceeds the threshold, wherever it lies.']
    if not seen.lesion.any():
        notes.append('Normal images alone: the temperature is 1, and what is found is not known.')
    if choice.threshold >= 1:
        notes.append(
            'Nothing exceeds this threshold: the model marks nothing at all. Images with a lesion '
            'give a temperature, at which such scores differ.'
        )
    return OperatingPoint(
        threshold=choice.threshold,
        temperature=temperature,
        breast_only=describe_test_output(cfg)['breast_only'],
        target=args.target,
        images={
            'split': ' '.join(args.splits),
            'sources': sorted(set(seen.sources.tolist())),
            'lesion': int(seen.lesion.sum()),
            'normal': int((~seen.lesion).sum()),
            'patients': len(set(seen.patients.tolist())),
            'index_sha256': sha256(Path(cfg.test_dataloader.dataset.data_root) / INDEX_NAME),
        },
        model={
            'checkpoint': args.checkpoint.name,
            'checkpoint_sha256': sha256(args.checkpoint),
            'config': Path(cfg.filename).name,
        },
        interval=choice.as_facts(),
        threshold_interval={'low': low, 'high': high, 'level': LEVEL},
        notes=tuple(notes),
    )
