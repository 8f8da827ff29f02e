"""Config differences: compare a checkpoint's config with the present one."""

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_mammo.engine.checkpoint import config_of
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import (
    augments,
    image_steps,
    resizes,
    split_loading,
)
from mmseg_mammo.engine.config.test_output import trained_threshold
from mmseg_mammo.engine.config.type_names import class_of, type_name
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.transforms.clahe import LEVELS

# In the meta of a checkpoint: the grey levels that MammoCLAHE counted in 16-bit images. Those from
# before it was noted had a CLAHE of their own for 16 bits.
CLAHE_LEVELS = 'clahe_levels'


def clahe_differences(checkpoint: Mapping[str, Any], cfg: Config) -> list[str]:
    """One phrase if a checkpoint was trained with the former 16-bit CLAHE; else an empty list."""
    trained = config_of(checkpoint)
    if trained is None or CLAHE_LEVELS in checkpoint['meta']:
        return []
    if not all('MammoCLAHE.clip_limit' in _input_settings(each) for each in (trained, cfg)):
        return []
    return [
        (
            f'MammoCLAHE counts {LEVELS} grey levels, in training 16-bit images were equalised in '
            '16 bits, by an earlier version (8-bit images: no difference)'
        )
    ]


def note_clahe(checkpoint: dict[str, Any]) -> None:
    """Note in a checkpoint which CLAHE it is trained with; see :func:`clahe_differences`."""
    checkpoint['meta'][CLAHE_LEVELS] = LEVELS


def input_differences(trained: Config, cfg: Config) -> list[str]:
    """Differences between training and test in how images are prepared for the network.

    Steps of the test pipeline are held against those of the pipeline that was trained with.

    Args:
        trained: Config of the training.
        cfg: Config of a test.

    Returns:
        One phrase per difference, such as ``Resize.scale is (512, 512), in training (224, 224)``.
    """
    ours, theirs = _input_settings(cfg), _input_settings(trained, trained=True)
    found = [
        f'{name} is {ours.get(name)}, in training {theirs.get(name)}'
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    return found + _order_difference(_loader(cfg), _loader(trained, trained=True))


def _order_difference(ours: Any, theirs: Any) -> list[str]:
    """One phrase if the same steps stand in another order, such as CLAHE behind the resizing."""
    one, other = ([*dict.fromkeys(n for n, _ in _steps(each or {}))] for each in (ours, theirs))
    if set(one) != set(other) or one == other:
        return []
    return [f'the order is {", ".join(one)}, in training {", ".join(other)}']


def threshold_difference(trained: Config, cfg: Config) -> list[str]:
    """One phrase if a config has another threshold than the training; else an empty list.

    A ``test_output`` is no contradiction: it is there to choose a threshold.
    """
    ours, theirs = trained_threshold(cfg), trained_threshold(trained)
    return [] if ours == theirs else [f'the threshold is {ours:g}, in training {theirs:g}']


def _input_settings(cfg: Config, trained: bool = False) -> dict[str, Any]:
    """Every setting of the steps and of the preprocessor; of a training those that it trained by."""
    found = _step_settings(_loader(cfg) or {})
    if trained and cfg.get('train_dataloader'):
        seen = _step_settings(_loader(cfg, trained))
        if not any(name.startswith('Resize.') for name in seen):  # crops, or random sizes
            seen |= {name: value for name, value in found.items() if name.startswith('Resize.')}
        found = seen
    model = cfg.model
    while 'data_preprocessor' not in model and 'module' in model:
        model = model.module  # what test-time augmentation wraps
    preprocessor = model.get('data_preprocessor') or {}
    found |= {f'data_preprocessor.{key}': preprocessor.get(key) for key in ('mean', 'std', 'size')}
    # Lists and tuples mean the same in a config.
    return {k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in found.items()}


def _loader(cfg: Config, trained: bool = False) -> Any:
    """What images go through: of a test, or of a training if there is one."""
    # A search leaves the test out.
    tested = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    return (cfg.get('train_dataloader') if trained else None) or tested


def _step_settings(loader: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the image steps of a loader's data sets, with their defaults."""
    found: dict[str, Any] = {}
    for name, settings in _steps(loader):
        found = {f'{name}.{k}': v for k, v in (settings or {'applied': True}).items()} | found
    return found


def _steps(loader: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and arguments, with defaults, of each image step of a loader's data sets, in order.

    Augmentation is left out: tests leave it out.
    """
    pipelines = [each.get('pipeline') or () for _, each in datasets_of(loader, '')]
    for step in image_steps(split_loading(pipelines)):
        kind = class_of(step.get('type'), TRANSFORMS)
        if kind is None or augments(kind):
            continue
        defaults = {
            key: argument.default
            for key, argument in signature(kind).parameters.items()
            if argument.default is not argument.empty
        }
        settings = {**defaults, **{key: step[key] for key in step if key != 'type'}}
        yield 'Resize' if resizes(kind) else type_name(kind), settings


def check_length(trained: Config, cfg: Config) -> None:
    """Refuse to resume a training under a length that its learning-rate schedule was not made for.

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
