"""What the config inside a checkpoint says about its training, held against the present one."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

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
    found: dict[str, Any] = {}
    for step in _flat(loader.dataset.pipeline):
        if step.type in _STEPS:
            found = {f'{step.type}.{key}': step[key] for key in step if key != 'type'} | found
    model = cfg.model
    while 'data_preprocessor' not in model and 'module' in model:
        model = model.module  # what test-time augmentation wraps
    preprocessor = model.get('data_preprocessor') or {}
    found |= {f'data_preprocessor.{key}': preprocessor.get(key) for key in ('mean', 'std', 'size')}
    # Lists and tuples mean the same in a config.
    return {k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in found.items()}


def _flat(steps: Any) -> Iterator[Any]:
    """The steps of a pipeline, those inside other steps, such as TestTimeAug, too."""
    for step in steps:
        if isinstance(step, (list, tuple)):
            yield from _flat(step)
        else:
            yield step
            yield from _flat(step.get('transforms') or ())


def check_length(trained: Config, cfg: Config) -> None:
    """Refuse to resume a training under another ``max_epochs`` than its rate was planned for.

    A resumed scheduler keeps the plan of its checkpoint: beyond the end of a cosine the rate
    stays at zero. The plateau rule plans nothing and may go on for longer.

    Raises:
        CheckpointError: The length differs, and the rate depends on it.
    """
    before, now = (c.get('train_cfg', {}).get('max_epochs') for c in (trained, cfg))
    schedulers = cfg.get('param_scheduler') or []
    schedulers = schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]
    planned = [s.type for s in schedulers if not s.type.startswith('ReduceOnPlateau')]
    if before != now and planned:
        raise CheckpointError(
            f'train_cfg.max_epochs={now}, but the training to go on from was planned for '
            f'{before} ({", ".join(planned)})',
            f'max_epochs={before}',
            'Train anew, in another --work-dir, for another length',
        )
