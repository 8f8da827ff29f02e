"""Recipe: the settings of a training that its results depend on, from the config of its record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg_mammo.reporting.document import Table

# A key of a config, and keys in it, by what a reader calls them.
_SHOWN = {
    'longest training': ('train_cfg', ('max_epochs', 'max_iters')),
    'batch size per process': ('train_dataloader', ('batch_size',)),
    'optimiser': ('optim_wrapper', ('optimizer',)),
    'precision and accumulation': ('optim_wrapper', ('type', 'accumulative_counts')),
    'learning rate': ('param_scheduler', ()),
    'seed': ('randomness', ('seed',)),
}
# Paths of keys, of which a config has one; through a list all of its members are meant.
_DEEP = {
    'loss': (('model', 'decode_head', 'loss_decode'), ('model', 'loss')),  # the latter of SAM
    'augmentation': (
        ('train_dataloader', 'dataset', 'pipeline'),
        ('train_dataloader', 'dataset', 'datasets', 'pipeline'),
    ),
}


def recipe_table(config: Mapping[str, Any], tuning: Mapping[str, Any] | None = None) -> Table:
    """Optimiser, schedule, loss and augmentation of a training; what a config lacks is unknown.

    Args:
        config: Of the record of a checkpoint.
        tuning: Of the record, of a training that started from another checkpoint.
    """
    told = {name: _setting(config, *_SHOWN[name]) for name in _SHOWN}
    for name, paths in _DEEP.items():
        found = (value for path in paths for value in _ends_of_path(config, path))
        told[name] = '; '.join(dict.fromkeys(filter(None, map(_phrase, found))))
    rows = tuple((name, value or 'unknown') for name, value in told.items())
    if tuning is not None:
        start = tuning['start']
        trained = f'{tuning["trained"]:,} of {tuning["parameters"]:,}'
        begun = f'{start["name"]}, SHA-256 {start["sha256"] or "unknown"}'
        rows = (('tuned from', begun), ('trained parameters', trained), *rows)
    return Table('recipe', 'Training recipe', ('setting', 'value'), rows)


def _ends_of_path(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The values at the end of a path of keys."""
    if not path:
        yield value
    elif isinstance(value, Mapping):
        yield from _ends_of_path(value.get(path[0]), path[1:])
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from _ends_of_path(member, path)


def _setting(config: Mapping[str, Any], key: str, keys: Sequence[str]) -> str:
    value = config.get(key)
    if keys:
        if not isinstance(value, Mapping):
            return ''
        return ', '.join(f'{k} {_phrase(value[k])}' for k in keys if value.get(k) is not None)
    return _phrase(value)


def _phrase(value: Any) -> str:
    """A setting in short: types with their numbers, lists one after another."""
    if isinstance(value, Mapping):
        rest = ', '.join(f'{k}={_phrase(v)}' for k, v in value.items() if k != 'type')
        kind = str(value.get('type', ''))
        return f'{kind}({rest})' if kind and rest else kind or f'({rest})'
    if isinstance(value, (list, tuple)):
        listed = ', '.join(map(_phrase, value))
        return listed if any(isinstance(each, Mapping) for each in value) else f'({listed})'
    return '' if value is None else str(value)
