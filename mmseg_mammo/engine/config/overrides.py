"""``--cfg-options``: parses overrides, and refuses every override that would have no effect."""

import argparse
import ast
import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine import registry as host_registry
from mmengine.config import Config, DictAction
from mmengine.logging import print_log
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import Runner
from mmseg import registry as mmseg_registry
from torch.utils.data import DataLoader

from mmseg_mammo.engine.config.keys import (
    RUNNER_KEYS,
    copy_paths,
    is_same,
    is_used,
    near_names,
    paths,
)
from mmseg_mammo.errors import MammoError

# Words that the host takes out of a dict before it calls the constructor of its type.
_TAKEN_OUT = frozenset(
    (
        *('type', '_scope_', '_delete_', 'priority', 'constructor', 'paramwise_cfg', 'optimizer'),
        *('convert_to_iter_based', 'requires_grad', 'init_cfg', 'override', 'pipeline'),
    )
)
_LOADER = frozenset(inspect.signature(DataLoader.__init__).parameters) | {'num_batch_per_epoch'}
# Dicts without a type whose keys are known all the same.
_KNOWN = {
    'train_dataloader': _LOADER,
    'val_dataloader': _LOADER,
    'test_dataloader': _LOADER,
    'randomness': frozenset(inspect.signature(Runner.set_randomness).parameters),
    'env_cfg': frozenset({'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}),
}
# Their keys are names that a user gives.
_FREE = ('custom_keys', 'metainfo')


class Options(DictAction):
    """The host's parser of ``KEY=VALUE``, with a message in place of a traceback."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: Any = None
    ) -> None:
        """Parse; end the program where a value cannot be."""
        for value in values:
            try:
                super().__call__(parser, namespace, [value], option)
            except (ValueError, AssertionError):
                parser.error(f'{option} {value}: KEY=VALUE is needed, with brackets in pairs')


def override(cfg: Config, options: Mapping[str, Any]) -> None:
    """Check ``options`` and apply them to ``cfg``.

    Args:
        cfg: Changed in place.
        options: Values by their path, as ``--cfg-options`` gives them.

    Raises:
        MammoError: A path is misspelt, leads through something that is no dict or list, or is a
            variable that was copied where it is used while the files were read; or a value is a
            dict, which the host takes for text.
    """
    for path, value in options.items():
        if _holds_dict(value):
            said = f'--cfg-options {path}={value}: a dict cannot be given there'
            raise MammoError(said, f'its keys one by one, {path}.KEY=VALUE')
        _check_path(cfg, path, options)
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise MammoError(
            f'--cfg-options {" ".join(f"{k}={v}" for k, v in options.items())}: {error}',
            'paths of dicts and lists, none of them inside another',
        ) from error


def _holds_dict(value: Any) -> bool:
    """Whether a value, or an item of it, is the text of a dict."""
    if isinstance(value, (list, tuple)):
        return any(map(_holds_dict, value))
    try:
        found = ast.parse(value, mode='eval').body if isinstance(value, str) else None
    except (SyntaxError, ValueError):
        return False
    called = ast.unparse(found.func) if isinstance(found, ast.Call) else ''
    return isinstance(found, ast.Dict) or called == 'dict'


def _check_path(cfg: Config, path: str, options: Mapping[str, Any]) -> None:
    parts = path.split('.')
    if parts[0] not in cfg:
        _check_new_root(cfg, path)
        return
    if parts[0] not in RUNNER_KEYS and is_used(cfg, parts[0]):
        _refuse_copy(cfg, path)
    node: Any = cfg
    for depth, part in enumerate(parts):
        place = '.'.join(parts[:depth])
        if place and options.get(f'{place}._delete_'):
            return
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node) or isinstance(node, tuple):
                raise MammoError(
                    f'--cfg-options {path}: {place} has no item {part}',
                    f'items 0 to {len(node) - 1}' if isinstance(node, list) else 'a whole tuple',
                )
            node = node[int(part)]
        elif not isinstance(node, (dict, Config)):
            raise MammoError(
                f'--cfg-options {path}: {place} is {node!r}, which has nothing below it',
                f'{place}=…, or {place}._delete_=True with it',
            )
        elif part in node:
            node = node[part]
        else:
            _check_new_key(node, parts, depth, options)
            return


def _check_new_root(cfg: Config, path: str) -> None:
    root = path.split('.')[0]
    if root in RUNNER_KEYS:
        return
    close = near_names(root, {*RUNNER_KEYS, *cfg})
    longer = [found for found, _ in paths(cfg) if found.endswith(f'.{path}')]
    if close or longer:
        raise MammoError(
            f'--cfg-options {path}: the config has no {root}',
            ' or '.join(longer[:3] or close),
        )
    print_log(f'--cfg-options {path}: new, and nothing here reads it', 'current', logging.WARNING)


def _refuse_copy(cfg: Config, path: str) -> None:
    root, _, rest = path.partition('.')
    places = [f'{place}.{rest}' if rest else place for place in copy_paths(cfg, root)]
    if not places:
        leaf: Any = cfg
        for part in path.split('.'):
            leaf = leaf[int(part)] if isinstance(leaf, list) else leaf[part]
        last = path.rpartition('.')[2]
        places = [
            found
            for found, value in paths(cfg)
            if '.' in found and found.rpartition('.')[2] == last and is_same(value, leaf)
        ]
    raise MammoError(
        f'--cfg-options {path}: no effect, since {root} was copied where it is used while the '
        'config was read',
        ', '.join(places),
        '' if places else 'Set the value where it is used, or change it in a config of your own',
    )


def _check_new_key(node: Any, parts: list[str], depth: int, options: Mapping[str, Any]) -> None:
    """Refuse a key that a dict does not have yet, unless what is made of the dict takes it."""
    place, key = '.'.join(parts[:depth]), parts[depth]
    if any(free in parts[:depth] for free in _FREE) or key == '_delete_':
        return
    if place == 'default_hooks':  # a name that the user gives, of a hook or of None
        path = '.'.join(parts[: depth + 1])
        known, closed = set(), f'{path}.type' not in options and options.get(path, '') is not None
    elif place in _KNOWN:
        known, closed = set(_KNOWN[place]), True
    else:
        known, closed = _parameters(
            options.get(f'{place}.type', node.get('type')), parts[depth - 1]
        )
    if key in known or (known and key in _TAKEN_OUT):
        return
    close = near_names(key, {*node, *known})
    if closed or close:
        raise MammoError(
            f'--cfg-options {".".join(parts)}: {place} has no {key}',
            ', '.join(f'{place}.{name}' for name in close[:3])
            or ', '.join(sorted({*map(str, node), *known} - {'self', 'type'})),
        )


def _parameters(kind: Any, name: str) -> tuple[set[str], bool]:
    """What the constructor of a type takes, and whether it takes nothing else.

    The constructors above are read as far as each hands on what it does not know. Nothing is
    known of a layer (``norm_cfg``), which the host builds in its own way.
    """
    if kind is None or name.endswith(('_cfg', '_layer')):
        return set(), False
    found = {name for owner in _classes(kind) for name in _arguments(owner)[0]}
    return found, bool(found) and all(_arguments(owner)[1] for owner in _classes(kind))


def default_of(kind: Any, name: str) -> Any:
    """The default that the constructor of a type gives to an argument; None if it is not known."""
    for owner in _classes(kind):
        for part in inspect.getmro(owner) if inspect.isclass(owner) else ():
            call = vars(part).get('__init__')
            found = inspect.signature(call).parameters.get(name) if callable(call) else None
            if found is not None and found.default is not found.empty:
                return found.default
    return None


def _arguments(owner: Any) -> tuple[set[str], bool]:
    found: set[str] = set()
    for part in inspect.getmro(owner) if inspect.isclass(owner) else (owner,):
        call = vars(part).get('__init__') if inspect.isclass(owner) else part
        if call is None or part is object:
            continue
        try:
            signature = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):
            return found, False
        found |= {p.name for p in signature if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if not any(p.kind == p.VAR_KEYWORD for p in signature):
            return found - {'self'}, True
    return found - {'self'}, False


def _classes(kind: Any) -> Iterable[Any]:
    """The classes or functions that a ``type`` may mean: a name is looked up in every registry."""
    if not isinstance(kind, str):
        return [kind] if callable(kind) else []
    registries = {
        id(found): found
        for module in (mmseg_registry, host_registry)
        for found in vars(module).values()
        if isinstance(found, Registry)
    }
    scope = DefaultScope.get_current_instance()
    with DefaultScope.overwrite_default_scope(scope.scope_name if scope else 'mmseg'):
        return [c for r in registries.values() if (c := _lookup(r, kind)) is not None]


def _lookup(registry: Registry, kind: str) -> Any:
    try:
        return registry.get(kind)
    except Exception:  # noqa: BLE001 - an unknown name is the builder's affair
        return None
