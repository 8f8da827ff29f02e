"""Recipe: the settings of a training that its results depend on, from the config of its record."""

from collections.abc import Mapping
from typing import Any

from mmseg_mammo.reporting.document import Table

# Keys of a config, from the outside in, by what a reader calls them.
_SHOWN = {
    'longest training': ('train_cfg', ('max_epochs', 'max_iters')),
    'batch size per process': ('train_dataloader', ('batch_size',)),
    'optimiser': ('optim_wrapper', ('optimizer',)),
    'precision and accumulation': ('optim_wrapper', ('type', 'accumulative_counts')),
    'learning rate': ('param_scheduler', ()),
    'seed': ('randomness', ('seed',)),
    'loss': ('model', ('decode_head', 'loss_decode')),
    'augmentation': ('train_dataloader', ('dataset', 'pipeline')),
}
_DEEP = ('loss', 'augmentation')  # a path of keys; else keys side by side


def recipe_table(config: Mapping[str, Any]) -> Table:
    """Optimiser, schedule, loss and augmentation of a training; what a config lacks is unknown.

    Args:
        config: Of the record of a checkpoint.
    """
    rows = tuple((name, _setting(config, name) or 'unknown') for name in _SHOWN)
    return Table('recipe', 'Training recipe', ('setting', 'value'), rows)


def _setting(config: Mapping[str, Any], name: str) -> str:
    key, keys = _SHOWN[name]
    value = config.get(key)
    if name in _DEEP:
        for part in keys:
            value = value.get(part) if isinstance(value, Mapping) else None
        return _phrase(value)
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
