"""What the config inside a checkpoint says about its training, held against the present one."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config_checks import datasets_of
from mmseg_mammo.engine.type_names import type_name
from mmseg_mammo.errors import CheckpointError

# What decides how an image looks to the network.
_STEPS = ('LoadMammogram', 'Resize', 'MammoCLAHE')


def config_of(checkpoint: Mapping[str, Any]) -> Config | None:
    """The config that a checkpoint was trained with; None where it was left out."""
    text = checkpoint.get('meta', {}).get('cfg')
    return Config.fromstring(text, '.py') if text else None


def input_differences(trained: Config, cfg: Config) -> list[str]:
    """Where images are prepared for the network in another way than in training.

    Args:
        trained: Config of the training.
        cfg: Config of a test.

    Returns:
        One phrase per difference, such as ``Resize.scale is (512, 512), in training (224, 224)``.
    """
    ours, theirs = _input_settings(cfg), _input_settings(trained)
    return [
        f'{name} is {ours.get(name)}, in training {theirs.get(name)}'
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]


def _input_settings(cfg: Config) -> dict[str, Any]:
    loader = cfg.get('test_dataloader') or cfg.val_dataloader  # a search leaves the test out
    sets = [dataset for _, dataset in datasets_of(loader, '')]
    steps = [(type_name(s.type), s) for one in sets for s in one.get('pipeline') or []]
    found = {
        f'{name}.{key}': step[key]
        for name, step in steps
        if name in _STEPS
        for key in step
        if key != 'type'
    }
    preprocessor = cfg.model.data_preprocessor
    found |= {f'data_preprocessor.{key}': preprocessor.get(key) for key in ('mean', 'std', 'size')}
    # Lists and tuples mean the same in a config.
    return {k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in found.items()}


def check_length(trained: Config, cfg: Config) -> None:
    """Refuse to resume a training under another length than its rate was planned for.

    A resumed scheduler keeps the plan of its checkpoint: beyond the end of a cosine the rate
    stays at zero. The plateau rule plans nothing and may go on for longer.

    Raises:
        CheckpointError: The length differs, and the rate depends on it.
    """
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]
    planned = [type_name(scheduler.type) for scheduler in schedulers]
    planned = [name for name in planned if not name.startswith('ReduceOnPlateau')]
    for key in ('max_epochs', 'max_iters'):
        before, now = ((c.get('train_cfg') or {}).get(key) for c in (trained, cfg))
        if before != now and planned:
            raise CheckpointError(
                f'train_cfg.{key}={now}, but the training to go on from was planned for '
                f'{before} ({", ".join(planned)})',
                f'{key}={before}',
                'Train anew, in another --work-dir, for another length',
            )
