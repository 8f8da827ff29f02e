"""Registered types: finds what a config names in MMEngine's registries, and imports nothing for it.

MMEngine's own look-up takes a name that it does not know for a path to import.
"""

from collections.abc import Iterator
from typing import Any

import mmengine.registry
from mmengine.registry import Registry

ROOT = 'mmengine'
# Packages whose registries a name may begin with, as in ``mmpretrain.LoRAModel``.
SCOPES = (ROOT, 'mmseg', 'mmpretrain')
_USUAL = (ROOT, 'mmseg')  # where a name without a package is looked for


def find_registered(name: str) -> list[Any]:
    """What is registered under a name, by itself or after one of :data:`SCOPES`; most often one.

    >>> [found.__name__ for found in find_registered('mmpretrain.LoRAModel')]
    ['LoRAModel']
    >>> find_registered('os.system')
    []
    """
    scope, _, bare = name.rpartition('.')
    scopes = (scope,) if scope else _USUAL
    found = [each for _, one, each in _entries(scopes) if one == bare]
    if not found and scopes[0] in SCOPES:
        _fill(scopes)
        found = [each for _, one, each in _entries(scopes) if one == bare]
    return found


def registered_name(kind: Any) -> str:
    """The name by which MMEngine finds a type: bare where it can be, else after its package.

    Args:
        kind: A name, a class, or the path of one, as in the host's pure-Python configs.

    Returns:
        The name; of what is not registered its path.

    >>> registered_name('mmcv.transforms.processing.Resize')
    'Resize'
    """
    if isinstance(kind, str) and (kind.count('.') == 0 or find_registered(kind)):
        return kind
    name = getattr(kind, '__qualname__', None) or str(kind)
    path = kind if isinstance(kind, str) else f'{getattr(kind, "__module__", "?")}.{name}'
    package, name = path.partition('.')[0], path.rpartition('.')[2]
    for scopes in (_USUAL, SCOPES):
        for filled in (False, True):
            if filled:
                _fill(tuple(scope for scope in scopes if scope in (*_USUAL, package)))
            for scope, key, each in _entries(scopes):
                if each is kind or (isinstance(kind, str) and _is_of(each, package, name)):
                    return key if scope in _USUAL else f'{scope}.{key}'
    return path


def look_up(name: str, registry: Registry) -> Any:
    """What MMEngine would build for a name or the path of a class; None if it had to import it.

    Args:
        name: See :func:`registered_name`.
        registry: Where it would look, before its parents.
    """
    scope, _, bare = registered_name(name).rpartition('.')
    place: Registry | None = registry
    if scope and scope != registry.scope:
        root = registry
        while root.parent is not None:
            root = root.parent
        place = root if scope == ROOT else root.children.get(scope)
    while place is not None:
        place.import_from_location()
        if bare in place.module_dict:
            return place.module_dict[bare]
        place = place.parent if not scope else None
    return None


def _is_of(found: Any, package: str, name: str) -> bool:
    module = getattr(found, '__module__', '') or ''
    return getattr(found, '__name__', '') == name and module.partition('.')[0] == package


def _entries(scopes: tuple[str, ...]) -> Iterator[tuple[str, str, Any]]:
    """Package, name and object of all that is registered."""
    for scope in scopes:
        for registry in _registries(scope):
            yield from ((scope, key, each) for key, each in registry.module_dict.items())


def _registries(scope: str) -> Iterator[Registry]:
    for root in list(vars(mmengine.registry).values()):
        if isinstance(root, Registry):
            found = root if scope == ROOT else root.children.get(scope)
            if found is not None:
                yield found


def _fill(scopes: tuple[str, ...]) -> None:
    """Let registries import the modules that their own package gave them."""
    for scope in scopes:
        for registry in _registries(scope):
            registry.import_from_location()
