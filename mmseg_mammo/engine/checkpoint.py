"""A trained model by itself, for notebooks, annotation tools and exports."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.engine.devices import check_device
from mmseg_mammo.engine.hooks.checkpoint_guard import check_state
from mmseg_mammo.engine.partial_checkpoint import complete
from mmseg_mammo.engine.work_dir import check_checkpoint


def read_checkpoint(path: str | Path, model: nn.Module) -> dict[str, Any]:
    """Read a checkpoint that fits ``model`` exactly, its frozen weights put back.

    Args:
        path: A checkpoint of this project, or a plain file of weights, such as Meta's of SAM.
        model: Takes the weights; see :func:`mmseg_mammo.engine.partial_checkpoint.complete`.

    Returns:
        The checkpoint, with ``state_dict``.

    Raises:
        CheckpointError: It is missing, damaged, or of another model.
    """
    check_checkpoint(Path(path))
    checkpoint = dict(CheckpointLoader.load_checkpoint(str(path), map_location='cpu'))
    if 'state_dict' not in checkpoint:
        checkpoint = {'meta': {}, 'state_dict': checkpoint}
    complete(checkpoint, model)
    check_state(checkpoint['state_dict'], model, str(path))
    return checkpoint


def load_model(config: str | Path | Config, checkpoint: str | Path, device: str = 'cpu') -> Any:
    """Build the model of a config and fill it, strictly; in eval mode, on ``device``.

    mmseg's ``init_model`` neither completes nor checks a checkpoint. As there, ``model.cfg`` is
    the config.

    Raises:
        MammoError: There is no such device.
        CheckpointError: See :func:`read_checkpoint`.
    """
    target = check_device(device, 'device')  # before minutes of loading
    cfg = config if isinstance(config, Config) else Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    model.load_state_dict(read_checkpoint(checkpoint, model)['state_dict'])
    model.cfg = cfg
    return model.to(target).eval()
