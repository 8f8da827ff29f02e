"""Export of a checkpoint: whole weights, LoRA merged, without the state of the optimiser."""

from pathlib import Path
from typing import IO, Any

import torch
from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import build_model, check_checkpoint, read_checkpoint
from mmseg_mammo.engine.config.stored import plain_settings, without_lora
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.engine.training_record.describe import describe_input
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.checkpoint_record import add_record, read_record
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.models.peft.lora import merged_state


def check_export(checkpoint: Path, out: Path) -> None:
    """Refuse an export before anything is built.

    Args:
        checkpoint: File to read.
        out: File to write.

    Raises:
        CheckpointError: ``checkpoint`` is missing or incomplete, or ``out`` exists.
    """
    check_checkpoint(checkpoint)
    if out.exists():
        raise CheckpointError(f'{out} exists', remedy='Name another file')


def export_checkpoint(cfg: Config, checkpoint: Path, out: Path) -> int:
    """Write the whole weights of a checkpoint alone.

    Frozen weights that it leaves out come from the pre-trained file of the config. LoRA is merged
    into the layers that it adapts. Of a training with averaged weights (EMA), these are written.

    Args:
        cfg: Config of the training.
        checkpoint: File that it left.
        out: File to write; it must not exist.

    Returns:
        The number of tensors that were written.

    Raises:
        CheckpointError: See :func:`check_export`, and a checkpoint of another model.
    """
    check_export(checkpoint, out)
    model = build_model(cfg)
    found = read_checkpoint(checkpoint, model)
    model.load_state_dict(found['state_dict'])
    record = exported_record(cfg, checkpoint)
    meta = {**found['meta'], 'cfg': Config(record['config']).pretty_text}
    kept = {'meta': meta, 'state_dict': merged_state(model)}

    def write(stream: IO[bytes]) -> None:
        torch.save(kept, stream)
        if 'format' in record:  # that of an earlier version says too little
            add_record(stream, record)

    write_atomic(out, write)
    return len(kept['state_dict'])


def exported_record(cfg: Config, checkpoint: Path) -> dict[str, Any]:
    """The record of a checkpoint, if it has one, as that of a model with all its weights.

    Args:
        cfg: That the model is exported with.
        checkpoint: File that a training left.
    """
    return (read_record(checkpoint) or {}) | {
        'config': without_lora(plain_settings(cfg)),
        'input': describe_input(cfg),
        'trained_only': False,
        'threshold': threshold_of(cfg),
    }
