"""Checkpoints: read, check, and load into a model for inference."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_mammo.engine.config.load import read_config, refuse_tuning
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.devices import check_device
from mmseg_mammo.engine.partial_checkpoint import complete, use_base
from mmseg_mammo.engine.presence.stored import use_stored_presence
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.checkpoint_file import CHECKPOINTS, fault_of_file
from mmseg_mammo.models.literals import read_literals
from mmseg_mammo.models.safe_loading import load_plain, safe_loading


def read_checkpoint(path: str | Path, model: nn.Module) -> dict[str, Any]:
    """Read a checkpoint that fits ``model`` exactly, and restore its frozen weights.

    Args:
        path: A checkpoint of this project, or a plain file of weights, such as Meta's of SAM.
        model: Takes the weights; see :func:`mmseg_mammo.engine.partial_checkpoint.complete`.

    Returns:
        The checkpoint, with ``state_dict``.

    Raises:
        CheckpointError: It is missing, damaged, or of another model.
    """
    check_checkpoint(Path(path))
    checkpoint = dict(load_plain(path))
    if 'state_dict' not in checkpoint:
        checkpoint = {'meta': {}, 'state_dict': checkpoint}
    complete(checkpoint, model)
    check_state(checkpoint['state_dict'], model, str(path))
    return checkpoint


def load_model(
    config: str | Path | Config | None, checkpoint: str | Path, device: str = 'cpu'
) -> Any:
    """Build the model of a config and load a checkpoint strictly; in eval mode, on ``device``.

    mmseg's ``init_model`` neither completes nor checks a checkpoint. As there, ``model.cfg`` is
    the config.

    Args:
        config: A config, its file, or the name of a shipped one (``'sam_finetune_cbis'``); None:
            the one in the checkpoint, and the frozen weights of :func:`.use_base`.
        checkpoint: See :func:`read_checkpoint`.
        device: ``cpu``, ``cuda``, ``cuda:1``, …

    Raises:
        MammoError: There is no such device or config.
        CheckpointError: See :func:`read_checkpoint`, and :func:`.read_stored_config`.
    """
    target = check_device(device, 'device')  # before minutes of loading
    if config is None:
        check_checkpoint(Path(checkpoint))
        cfg = read_stored_config(Path(checkpoint))
        use_base(cfg, Path(checkpoint), None)
    else:
        cfg = config if isinstance(config, Config) else read_config(config)
        refuse_tuning(cfg)
        use_stored_presence(cfg, checkpoint)
    model = build_model(cfg)
    model.load_state_dict(read_checkpoint(checkpoint, model)['state_dict'])
    model.cfg = cfg
    return model.to(target).eval()


def build_model(cfg: Config) -> Any:
    """Build the model of a config to use it, not to train it: nothing is said about its losses."""
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    # LoRA reads the weights of what it wraps when it is built.
    with safe_loading(), warnings.catch_warnings():
        for text in ('Default ``avg_non_ignore``', '``build_loss`` would be deprecated'):
            warnings.filterwarnings('ignore', message=text)
        return MODELS.build(cfg.model)


def check_state(state: Mapping[str, Tensor], model: nn.Module, place: str) -> None:
    """Raise a CheckpointError unless ``state`` fills ``model`` exactly.

    Args:
        state: Weights of a checkpoint by name.
        model: Takes them.
        place: What an error names (the file).
    """
    found = {re.sub(r'^module\.', '', name): value.shape for name, value in state.items()}
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    missing = sorted(set(wanted) - set(found))
    surplus = sorted(set(found) - set(wanted))
    other = sorted(n for n in set(found) & set(wanted) if found[n] != wanted[n])
    if missing or surplus or other:
        details = [
            f'{len(names)} tensors {what}, such as {names[0]}'
            for names, what in (
                (missing, 'of the model are not in it'),
                (surplus, 'of it are not in the model'),
                (other, 'have another shape'),
            )
            if names
        ]
        raise CheckpointError(
            f'The checkpoint {place} is of another model than the config: {"; ".join(details)}',
            remedy='Name the checkpoint that this config, or the one it inherits from, trained, '
            'with the --side and --cfg-options of its training',
        )


def start_presence(checkpoint: dict[str, Any], model: nn.Module) -> int:
    """Let a training start from a checkpoint of the same model without presence.

    Args:
        checkpoint: Changed in place: it gets the random weights of ``model`` that say whether there
            is a lesion at all, unless it has any of them.
        model: That is trained.

    Returns:
        The number of tensors that it got.
    """
    state = checkpoint.get('state_dict', checkpoint)
    parts = getattr(model, 'presence_parts', ())
    own = {n: value for n, value in model.state_dict().items() if n.startswith(parts)}
    if own.keys() & {name.removeprefix('module.') for name in state}:
        return 0
    state.update(own)
    return len(own)


def config_of(checkpoint: Mapping[str, Any]) -> Config | None:
    """The config that a checkpoint was trained with; None if the checkpoint does not hold it.

    Raises:
        CheckpointError: It is more than plain data (:func:`.read_literals`).
    """
    text = checkpoint.get('meta', {}).get('cfg')
    return read_literals(text, 'the checkpoint') if text else None


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint file that is missing, incomplete or none, before anything is built."""
    if not path.is_file():
        folder = path if path.is_dir() else path.parent
        names = ', '.join(sorted(file.name for file in folder.glob('*.pth')))
        raise CheckpointError(
            f'{path}: {"a folder" if path.is_dir() else "no such checkpoint file"}',
            f'one of {names}' if names else CHECKPOINTS,
            'Training writes them to its work folder',
        )
    try:
        fault = fault_of_file(path)
    except OSError as error:
        fault = error.strerror or str(error), 'Give yourself the right to read it'
    if fault:
        raise CheckpointError(f'{path}: {fault[0]}', CHECKPOINTS, fault[1])
