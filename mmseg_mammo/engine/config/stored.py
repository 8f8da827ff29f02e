"""Stored config: the config inside a checkpoint, written and read as plain data that cannot run code."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.literals import read_literals
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.models.safe_loading import load_plain

# Settings of one run, which whoever uses the checkpoint has of his own.
_OF_THE_RUN = ('work_dir', 'launcher', 'resume', 'load_from', 'device', 'experiment_name')
# Packages whose registries a stored config may name, as in ``mmpretrain.LoRAModel``. The host
# imports any other, and takes a longer path for something to import and call.
_SCOPES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain')
# Keys beside ``type`` that name something registered.
_NAMES = ('type', 'runner_type', 'constructor')


def plain_settings(cfg: Config) -> dict[str, Any]:
    """The settings of a config as plain data, without those of one run; types by their names."""
    return {
        key: plain(value)
        for key, value in cfg.to_dict().items()
        if key not in (*_OF_THE_RUN, 'custom_imports')
    }


def plain(value: Any) -> Any:
    """A value of a config with names for its types: registered ones, perhaps after a package."""
    if isinstance(value, Mapping):
        found = {key: plain(item) for key, item in value.items()}
        return found | {key: _registered_name(value[key]) for key in _NAMES if value.get(key)}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    return value


def read_stored_config(path: Path) -> Config:
    """The config in a checkpoint, of which no line is run and no import is followed.

    Args:
        path: Of a checkpoint; those of earlier versions hold the text of their config.

    Raises:
        CheckpointError: There is none, it is more than plain data, or it names a type of a package
            that is not of the host.
        DataFileError: The file is missing or incomplete.
    """
    record = read_record(path)
    if record is not None:
        settings, name = record['config'], record['name']
    else:
        content = load_plain(path)
        text = (content.get('meta') or {}).get('cfg') if isinstance(content, dict) else None
        if not text:
            raise CheckpointError(
                f'{path}: does not hold the config of its training',
                remedy='Give the config before the checkpoint',
            )
        settings, name = read_literals(text, str(path)).to_dict(), path.resolve().parent.name
    settings = {key: plain(value) for key, value in settings.items() if key not in _OF_THE_RUN}
    for setting, found in _names_in(settings, ''):
        _check_name(setting, found, path)
    # With a text, MMEngine does not look for a file of that name.
    return Config(settings, cfg_text=f'# in {path}\n', filename=f'{name}.py')


def without_lora(settings: Any) -> Any:
    """A copy of a model's settings with the layers themselves in the place of their LoRA wrappers."""
    if isinstance(settings, Mapping):
        if _registered_name(settings.get('type')).endswith('LoRAModel'):
            return without_lora(settings['module'])
        return {key: without_lora(item) for key, item in settings.items()}
    if isinstance(settings, (list, tuple)):
        return type(settings)(without_lora(item) for item in settings)
    return settings


def _registered_name(kind: Any) -> str:
    """``package.Name`` of a type of the host's packages, ``Name`` of any other."""
    if kind is None or (isinstance(kind, str) and kind.count('.') <= 1):
        return kind or ''
    path = kind if isinstance(kind, str) else f'{kind.__module__}.{kind.__name__}'
    package, _, _ = path.partition('.')
    name = path.rpartition('.')[2]
    return f'{package}.{name}' if package in _SCOPES else name


def _names_in(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in (*_NAMES, 'default_scope', 'custom_imports', '_scope_'):
                yield f'{place}{key}', item
            yield from _names_in(item, f'{place}{key}.')
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _names_in(item, f'{place}{number}.')


def _check_name(setting: str, name: Any, path: Path) -> None:
    key = setting.rpartition('.')[2]
    if key in ('default_scope', '_scope_'):
        fine = name in (*_SCOPES, None)
    elif key == 'custom_imports':
        fine = not name
    else:
        scope, dot, _ = str(name).partition('.')
        fine = not dot or scope in _SCOPES
    if not fine:
        raise CheckpointError(
            f'{path}: {setting} of the config inside is {str(name)[:80]!r}, which is not imported',
            f'registered names, alone or after {", ".join(_SCOPES)}',
            'Give the config before the checkpoint, if you trust it',
        )
