"""Say what a checkpoint is: its model, input, training data and base weights. Needs no torch.

Example:
  mammoseg info CHECKPOINT
  mammoseg info CHECKPOINT --json
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_mammo.cli.common import named_errors
from mmseg_mammo.cli.info_few import few_lines
from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.checkpoint_record import (
    FEW,
    PRESENCE,
    STAGE_NAMES,
    STAGES,
    TUNING,
    read_record,
)

# As io.mask and io.run_folder have them, which need NumPy.
IMAGE_LABEL, IMAGE_LABELS = 'image-label', 'image_labels'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the record of a checkpoint."""
    parser.add_argument(
        'checkpoint', type=Path, help='file that a training or an export left, ONNX too'
    )
    parser.add_argument(
        '--json', action='store_true', help='print the whole record, config included (default: not)'
    )


def main(args: argparse.Namespace) -> None:
    """Print the record."""
    with named_errors(args.parser.prog):
        record = read_record(args.checkpoint)
        if record is None:
            raise DataFileError(
                f'{args.checkpoint}: no record: of another program, or of an earlier version',
                'a checkpoint that this version trained',
                'Name its config beside it where a command asks for one',
            )
        if args.json:
            print(json.dumps(record, indent=1))
            return
        try:
            lines = summary(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataFileError(
                f'{args.checkpoint}: its record is incomplete ({type(error).__name__}: {error})',
                remedy='mammoseg info --json prints it as it is',
            ) from error
    for name, text in lines:
        print(''.join(c if c.isprintable() else '?' for c in f'{name:<14}{text}'))


def summary(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The record in lines: what each is about, and the text.

    Args:
        record: Of :func:`mmseg_mammo.io.checkpoint_record.read_record`.
    """
    seen = record['input']
    size = '×'.join(map(str, seen['size'] or ())) or 'as the image'
    steps = ', '.join(_step(step) for step in seen['steps'])
    lines = [
        ('config', record['name']),
        ('model', record['model']),
        ('input', f'{size} pixels: {steps}'),
        ('normalised', f'mean {_values(seen["mean"])}, std {_values(seen["std"])}'),
        ('threshold', _threshold(record)),
        *_presence(record),
        *_stages(record.get(STAGES)),
        *_tuning(record.get(TUNING)),
        *few_lines(record),
        *((name, _data(data)) for name, data in record['trained_on'].items()),
        ('epoch', f'{record["epoch"]}, step {record["iter"]}'),
        ('best score', _scores(record['best_score'], record)),
        ('weights', 'the trained ones alone' if record['trained_only'] else 'all'),
        ('images', _images(record['images'])),
        *_preparation(record.get('preparation') or {}),
        *_bases(record['base']),
        *_onnx(record.get('onnx')),
        ('made by', f'mmseg_mammo {record["versions"]["mmseg_mammo"]}'),
    ]
    return [*lines, ('', 'Not a medical device.')]


def _threshold(record: Mapping[str, Any]) -> str:
    output = record['config']['model'].get('test_output') or {}
    warm = output.get('temperature', 1)
    told = f'{record["threshold"]:.4g}' + (f' at a temperature of {warm:.4g}' if warm != 1 else '')
    return told + (', of the mean over four mirror images' if output.get('flips') else '')


def _presence(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Up to which presence of a lesion images are closed, and how that was chosen."""
    model = record['config'].get('model') or {}
    limit = (model.get('test_output') or {}).get('presence_threshold')
    if all(model.get(name) is None for name in ('presence_head', 'object_score', 'finder')):
        return []
    if limit is None:
        return [('presence', 'no threshold: no image is closed by it')]
    text, facts = f'images up to {limit:.4g} are closed', record.get(PRESENCE)
    if facts and facts['presence_threshold'] == limit:
        area = facts.get('auroc')
        text += (
            f', chosen for {facts["target"]} on {facts["lesion"]} images with a lesion and '
            f'{facts["normal"]} normal ones of the validation{_of_epoch(facts)}'
            f'{"" if area is None else f" (AUROC {area:.3f})"}'
        )
    return [('presence', text)]


def _of_epoch(facts: Mapping[str, Any]) -> str:
    """Of a model of two stages presence is chosen after both trainings."""
    return f' of epoch {facts["epoch"]}' if 'epoch' in facts else ''


def _stages(stages: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What the stages of a two-stage model are, and what was chosen on validation images."""
    if stages is None:
        return []
    lines = []
    for name in STAGE_NAMES:
        stage = stages[name]
        size = '×'.join(map(str, stage['input']['size'] or ())) or 'as the image'
        text = f'{stage["name"]}: {stage["model"]}, {size} pixels, epoch {stage["epoch"]}, '
        lines.append(
            (name, f'{text}{_scores(stage["best_score"], stage)}; SHA-256 {stage["sha256"]}')
        )
    return [*lines, ('chosen', _choice(stages['choice']))]


def _tuning(tuning: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What a tuning started from, and how much of the model it trained."""
    if tuning is None:
        return []
    start = tuning['start']
    text = f'{start["name"]} (SHA-256 {start["sha256"] or "not known"}); trained '
    text += f'{tuning["trained"]:,} of {tuning["parameters"]:,} parameters'
    return [('tuned from', text)]


def _choice(choice: Mapping[str, Any]) -> str:
    """Ranking and keep rule of a two-stage model; the threshold stands in its own line."""
    keep, ranking = choice['keep'], choice['ranking']
    weights = 'mean of the three logits'
    if ranking:
        weights = f'weights {_values(ranking["weights"])}, bias {ranking["bias"]:.3g}'
    return (
        f'the best {keep["count"]} candidates with a score from {keep["min_score"]:g} on '
        f'({weights} of finder score, presence, highest probability), on {choice["lesion"]} '
        f'validation images with a lesion and {choice["normal"]} normal ones: lesion Dice '
        f'{choice["lesion_dice"]:.2f}'
    )


def _step(step: Mapping[str, Any]) -> str:
    settings = ', '.join(f'{key}={value}' for key, value in step.items() if key != 'type')
    return f'{step["type"]}({settings})'


def _values(values: Any) -> str:
    return ' '.join(f'{value:g}' for value in values or ()) or 'none'


def _scores(scores: Mapping[str, float], record: Mapping[str, Any]) -> str:
    last = TUNING in record or FEW in record
    none = 'no validation chose: the last weights count' if last else 'none yet'
    return ', '.join(f'{name} {value:g}' for name, value in scores.items()) or none


def _images(images: Mapping[str, Any]) -> str:
    found = images['quantiles']
    middle = images['percent'].index(50)
    median = {name: values[middle] for name, values in found.items() if values}
    if not median:
        return 'not known'
    return (
        f'medians of {images["count"]}: {median["height"]:.0f}×{median["width"]:.0f} pixels of '
        f'{median["bits"]:.0f} bits, breast {median.get("breast", 0):.0%}, '
        f'grey level in it {median.get("level_50", 0):.0f} of 255'
    )


def _preparation(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the preparation did to images, and ``predict`` does to files that were not prepared."""
    said = []
    if options.get('long_side'):
        said.append(f'shrunk to {options["long_side"]} pixels on the longer side')
    if not options.get('voi', True):
        said.append('without the VOI window')
    return [('prepared', ', '.join(said) + '; predict does the same to an original file')] * bool(
        said
    )


def _onnx(facts: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """What an ONNX file takes and gives."""
    if facts is None:
        return []
    inputs, outputs = (
        ', '.join(f'{name} {"×".join(map(str, shape))}' for name, shape in facts[kind].items())
        for kind in ('inputs', 'outputs')
    )
    return [('ONNX', f'the {facts["part"]}, opset {facts["opset"]}: {inputs} to {outputs}')]


def _bases(bases: Sequence[Mapping[str, Any]], depth: int = 0) -> list[tuple[str, str]]:
    """The files that a training began from, each followed by those that it began from itself."""
    lines = []
    for base in bases:
        text = f'{base["file"]} ({base["role"]}; SHA-256 {base["sha256"] or "not known"}); licence '
        if base['licence'] == 'unknown':
            text += 'unknown: its name is none of those that are known'
        else:
            text += f'{base["licence"]} by its name, of {base["publisher"]}, trained on {base["trained_on"]}'
        lines.append(('base' + ' of it' * depth, text))
        lines += _bases(base['base'], depth + 1)
    return lines or [('base', 'none, from scratch')] * (not depth)


def _data(data: Mapping[str, Any]) -> str:
    if 'index_sha256' not in data:
        return f'{data["images"]} images'
    counts = ', '.join(f'{count} {name}' for name, count in data['annotated'].items())
    kinds = '+'.join(kind for kind in data['mask_kind'] if kind != IMAGE_LABEL) or 'no'
    labelled = data.get(IMAGE_LABELS)
    more = f', {labelled} image labels without a mask' if labelled else ''
    return (
        f'{data["images"]} images ({counts}) of {data["patients"]} patients, {kinds} masks{more}; '
        f'index {data["index_sha256"][:12]}'
    )
