"""Partial checkpoints: leave out frozen weights, and restore them from the pre-trained file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.models.peft.lora import omits_frozen
from mmseg_mammo.models.peft.trainable import (
    fingerprint,
    frozen_parameters,
    pretrained_parts,
)
from mmseg_mammo.models.safe_loading import load_plain

KEY = 'trained_only'
WEIGHTS = Path('weights')  # where pre-trained files lie by the shipped configs
_STATES = (('state_dict', ''), ('ema_state_dict', 'module.'))


def base_file(model: nn.Module) -> str | None:
    """The file that the frozen weights of ``model`` come from."""
    files = (getattr(module, 'pretrained', None) for module in model.modules())
    return next((file for file in files if file), None)


def refuse_random_base(model: nn.Module) -> None:
    """Raise a CheckpointError if the frozen weights of ``model`` come from no file."""
    if frozen_parameters(model) and not base_file(model):
        raise CheckpointError(
            'The frozen weights are random and would be lost, since checkpoints are without them '
            '(save_trained_only, LoRA)',
            'frozen weights from a file',
            'Set model.backbone.pretrained (of LoRA model.backbone.module.pretrained, of SAM '
            'model.pretrained)',
        )


def drop_frozen(checkpoint: dict[str, Any], model: nn.Module) -> None:
    """Remove the frozen parameters of ``model`` from a checkpoint.

    Buffers, such as the statistics of batch norm, change in training and stay.

    Args:
        checkpoint: As mmengine saves it, changed in place.
        model: The model that is saved.
    """
    frozen = frozen_parameters(model)
    for key, prefix in _STATES:
        if key in checkpoint:
            checkpoint[key] = {
                name: value
                for name, value in checkpoint[key].items()
                if name.removeprefix(prefix) not in frozen
            }


def note_base(checkpoint: dict[str, Any], model: nn.Module, mark: str) -> None:
    """Note in a checkpoint which frozen parameters it stands on.

    Args:
        checkpoint: As mmengine saves it, changed in place.
        model: The model that is saved.
        mark: :func:`mmseg_mammo.models.peft.trainable.fingerprint` of ``model``.
    """
    checkpoint[KEY] = {'base': base_file(model), 'fingerprint': mark}


def use_base(cfg: Config, checkpoint: Path, given: Path | None) -> None:
    """Let the model of ``cfg`` take its frozen weights from the file that a checkpoint stands on.

    The file is told by its SHA-256: the one that is given, or that of the config, or where the
    training had it, or one of ``weights/``. A checkpoint that holds every weight needs none.

    Args:
        cfg: Changed in place.
        checkpoint: With a record; of one without, the file of the config stands, unless one is given.
        given: The file, or None to look for it.

    Raises:
        CheckpointError: It is not there, or another file; or the checkpoint needs none.
    """
    record = read_record(checkpoint)
    bases = record['base'] if record is not None and record['trained_only'] else []
    if record is not None and not bases:
        if given is not None:
            raise CheckpointError(
                f'--base {given}: {checkpoint} holds every weight', remedy='Leave --base out'
            )
        return
    if given is not None and not given.is_file():
        raise CheckpointError(f'--base {given}: no such file')
    modules = [*_with_pretrained(cfg.model)]
    if bases:
        named = [Path(module['pretrained']) for module in modules]
        given = _find_base(bases, [given] if given else named, checkpoint, bool(given))
    if given is not None:
        for module in modules:
            module['pretrained'] = str(given)


def _find_base(
    bases: Sequence[Mapping[str, Any]], first: Sequence[Path], checkpoint: Path, only: bool
) -> Path | None:
    """The file of the frozen weights; None where the record does not tell its hash.

    Args:
        bases: Of the record: the pre-trained file, and the checkpoint that the training began from.
        first: Files to look at before others.
        checkpoint: Which an error names.
        only: Whether there are no others.
    """
    if bases[0]['sha256'] is None and not only:
        return None  # the fingerprint of the frozen weights still decides
    wanted, named = {base['sha256'] for base in bases}, Path(bases[0]['file'])
    places = [*first, *([] if only else [named, WEIGHTS / named.name, *sorted(WEIGHTS.glob('*'))])]
    for place in dict.fromkeys(places):
        found = sha256(place)
        if found is not None and (found in wanted or None in wanted):
            return place
    here = (
        f'{first[0]} is another file' if only else f'neither {named} nor weights/ holds that file'
    )
    raise CheckpointError(
        f'{checkpoint} holds the trained weights alone, on top of {named.name} '
        f'(SHA-256 {bases[0]["sha256"]}); {here}',
        'the pre-trained file of the training',
        'Name it with --base FILE',
    )


def _with_pretrained(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get('pretrained'):
            yield node
        for child in node.values():
            yield from _with_pretrained(child)


def spare_base(model: nn.Module, path: str) -> None:
    """Let training start without the pre-trained file where a checkpoint holds every weight.

    Args:
        model: About to be initialised; a part whose file is missing is marked as initialised.
        path: Checkpoint that will be loaded into it.
    """
    lacking = [
        module for module in pretrained_parts(model) if not Path(module.pretrained).is_file()
    ]
    if not lacking:
        return
    checkpoint = load_plain(path)
    state = checkpoint.get('state_dict', checkpoint)
    random = getattr(model, 'presence_parts', ())  # that may start so
    wanted = {name for name in model.state_dict() if not name.startswith(random)}
    if wanted <= {name.removeprefix('module.') for name in state}:
        for module in lacking:
            module.is_init = True
            text = f'{module.pretrained} is not here, nor needed: {path} holds every weight'
            print_log(text, 'current')


def complete(checkpoint: dict[str, Any], model: nn.Module) -> None:
    """Put the frozen parameters back into a checkpoint that was saved without them.

    They are taken from ``model``, after its pre-trained file was loaded if it was not yet.

    Args:
        checkpoint: Changed in place; one with all weights is left alone.
        model: The model that the checkpoint will be loaded into.

    Raises:
        CheckpointError: The pre-trained file is missing or another one than in training, or
            LoRA has another alpha / rank; or the model has LoRA and the checkpoint names no base.
    """
    if KEY not in checkpoint:
        if omits_frozen(model):
            raise CheckpointError(
                'The checkpoint does not say on which frozen weights its LoRA stands',
                'a checkpoint of a training with the same config',
                'Test a merged or full checkpoint with a config without LoRA',
            )
        return
    expected = checkpoint[KEY]
    if fingerprint(model) != expected['fingerprint']:
        base = base_file(model)
        for module in pretrained_parts(model):
            module.load_base()
        found = fingerprint(model)
        if found != expected['fingerprint']:
            raise CheckpointError(
                f'The checkpoint holds trained weights only, on top of {expected["base"]} '
                f'({expected["fingerprint"][:12]}); the frozen weights here are from '
                f'{base or "no file"} ({found[:12]})',
                'the same pre-trained file, and alpha and rank of LoRA, as in training',
                'Set model.backbone.pretrained (of SAM model.pretrained) to that file, and alpha '
                'and rank of LoRA, if the model has it, as they were',
            )
    whole = model.state_dict()
    for key, prefix in _STATES:
        if key in checkpoint:
            checkpoint[key].update(
                (prefix + name, whole[name]) for name in frozen_parameters(model) if name in whole
            )
