"""Stored config: the config inside a checkpoint, written and read as plain data that cannot run code."""

import numbers
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.config import RESERVED_KEYS

from mmseg_mammo.engine.config.keys import RUNNER_KEYS
from mmseg_mammo.engine.config.loading import without_cache
from mmseg_mammo.engine.config.registered import SCOPES, find_registered, registered_name
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.models.literals import read_literals
from mmseg_mammo.models.safe_loading import load_plain

# Settings of one run, which whoever uses the checkpoint has of his own; those of the second line say
# how a model is spread over processes, and Config keeps the last ones to itself.
_OF_THE_RUN = (
    *('work_dir', 'launcher', 'resume', 'load_from', 'device', 'experiment_name'),
    *('strategy', 'model_wrapper_cfg', 'runner_type'),
    *RESERVED_KEYS,
)
# What a training or a validation needs and a test does not; MMEngine wants all of one or none.
_TRAINING = (
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'),
)
_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')
_NAMES = ('type', 'constructor', 'ema_type')  # keys of what is built by its name
_SCOPES_OF = ('default_scope', '_scope_')
_LOST = '(not stored)'  # key in the place of a value that JSON cannot hold
# Registered, but with arguments that are evaluated, imported by name, or downloaded and unpickled.
_APART = (
    *('mmcv.cnn.rfsearch', 'mmengine._strategy', 'mmpretrain.datasets', 'mmpretrain.models.utils'),
    *('mmpretrain.models.classifiers', 'mmpretrain.models.multimodal', 'mmpretrain.utils'),
    *('mmpretrain.models.backbones.timm_backbone', 'mmseg.models.backbones.timm_backbone'),
    *('mmseg.models.text_encoder', 'mmseg.datasets.dsdl', 'mmseg.datasets.onedl'),
    *('mmpretrain.models.retrievers', 'mmpretrain.engine.hooks.swav_hook'),
)
_OBJECTS = ('pkl', 'pickle', 'yaml', 'yml')
_OWN = 'mmseg_mammo'
_LOCAL = {'type': 'LocalVisBackend'}


def plain_settings(cfg: Config) -> dict[str, Any]:
    """The settings of a config as plain data, without those of one run; types by their names."""
    settings = without_cache(cfg.to_dict())
    return {k: plain(value) for k, value in settings.items() if k not in _OF_THE_RUN}


def plain(value: Any) -> Any:
    """A value of a config as plain data, with names for its types (:func:`.registered_name`)."""
    if isinstance(value, Mapping):
        found = {
            key: registered_name(item) if key in _NAMES and _is_type(item) else plain(item)
            for key, item in value.items()
        }
        if _wraps_in_lora(found):  # by names of layers
            found['targets'] = value['targets']
        return found
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, numbers.Number) and hasattr(value, 'item'):  # of NumPy
        return value.item()
    return value if value is None or isinstance(value, (str, int, float)) else {_LOST: str(value)}


def read_stored_config(path: Path) -> Config:
    """The config in a checkpoint, of which no line is run and no import is followed.

    What only a training or a validation needs is left out where it names anything that is not
    registered here. Curves stay on this machine, whatever it says of ``vis_backends``.

    Args:
        path: Of a checkpoint; those of earlier versions hold the text of their config.

    Raises:
        CheckpointError: There is none; or it is more than plain data, or names a type that is not
            registered, or that runs, imports or unpickles what its arguments say.
        DataFileError: The file is missing or incomplete.
    """
    record = read_record(path)
    if record is not None:
        settings, name = record['config'], Path(record['name']).name
    else:
        settings, name = _settings_of_text(path), path.resolve().parent.name
    settings = {key: plain(value) for key, value in settings.items() if key not in _OF_THE_RUN}
    if not isinstance(settings.get('model'), Mapping):
        raise _no_config(path)
    if 'custom_imports' in settings:
        settings['custom_imports'] = _own_imports(settings['custom_imports'])
    if isinstance(settings.get('visualizer'), Mapping):  # others report to services elsewhere
        settings['visualizer'] = {**settings['visualizer'], 'vis_backends': [_LOCAL]}
    _leave_out(settings, path)
    # With a text, MMEngine does not look for a file of that name.
    return Config(settings, cfg_text=f'# in {path}\n', filename=f'{name or "unnamed"}.py')


def without_lora(settings: Any) -> Any:
    """A copy of a model's settings with the layers themselves in the place of their LoRA wrappers."""
    if isinstance(settings, Mapping):
        if _wraps_in_lora(settings):
            return without_lora(settings['module'])
        return {key: without_lora(item) for key, item in settings.items()}
    if isinstance(settings, (list, tuple)):
        return type(settings)(without_lora(item) for item in settings)
    return settings


def _settings_of_text(path: Path) -> dict[str, Any]:
    content = load_plain(path)
    meta = content.get('meta') if isinstance(content, Mapping) else None
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    if not isinstance(text, str) or not text:
        raise _no_config(path)
    return read_literals(text, str(path)).to_dict()


def _no_config(path: Path) -> CheckpointError:
    return CheckpointError(
        f'{path}: does not hold the config of its training',
        remedy='Give the config: before the checkpoint, or to mammoseg predict by --config',
    )


def _leave_out(settings: dict[str, Any], path: Path) -> None:
    """Remove what names anything unknown and is not needed; raise where it is."""
    problems = {key: next(_problems({key: value}, ''), '') for key, value in settings.items()}
    wrong = {key for key, problem in problems.items() if problem}
    for group in (_TRAINING, _VALIDATION):
        if wrong & set(group):
            wrong |= set(group)
    for key in wrong:
        if key in RUNNER_KEYS and key not in (*_TRAINING, *_VALIDATION):
            raise CheckpointError(
                f'{path}: of the config inside, {problems[key]}',
                'what this package and the host register',
                'Give the config, if you trust it: before the checkpoint, or by --config',
            )
        settings.pop(key, None)


def _own_imports(value: Any) -> dict[str, Any]:
    """Of ``custom_imports`` what is of this package, which is imported already."""
    value = value if isinstance(value, Mapping) else {}
    names = value.get('imports')
    names = names if isinstance(names, (list, tuple)) else [names]
    own = [name for name in names if str(name).partition('.')[0] == _OWN]
    return {'imports': own, **{k: v for k, v in value.items() if k != 'imports'}}


def _wraps_in_lora(settings: Mapping[str, Any]) -> bool:
    kind = settings.get('type')
    return str(kind).rpartition('.')[2] == 'LoRAModel' and {'module', 'targets'} <= {*settings}


def _is_type(value: Any) -> bool:
    return bool(value) and (isinstance(value, str) or callable(value))


def _problems(value: Any, place: str) -> Iterator[str]:
    """Why a part of a config is more than names of what is registered here, and plain values."""
    if isinstance(value, Mapping):
        apart = 'targets' if _wraps_in_lora(value) else None
        for key, item in value.items():
            problem = _problem(key, item)
            if problem:
                yield f'{place}{key}={repr(item)[:80]} {problem}'
            elif key != apart:
                yield from _problems(item, f'{place}{key}.')
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _problems({number: item}, place)


def _problem(key: Any, value: Any) -> str:
    if key == _LOST:
        return 'is what a checkpoint cannot hold'
    if key in _NAMES and value is not None and not _may_be_built(value):
        return 'cannot be built from a checkpoint alone'
    if key in _SCOPES_OF and value not in (*SCOPES, None):
        return 'is another package'
    # MMEngine makes any object from files of these endings, also of the web; some loaders by such a word.
    if isinstance(value, str) and value.endswith(_OBJECTS) and key != 'out_file_path':
        return 'is a pickle or YAML, which may run code'
    return ''


def _may_be_built(name: Any) -> bool:
    found = find_registered(name) if isinstance(name, str) else []
    modules = [getattr(one, '__module__', None) or '' for one in found]
    return bool(found) and not any(f'{m}.'.startswith(f'{a}.') for m in modules for a in _APART)
