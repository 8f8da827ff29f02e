"""Registered classes take their settings by name: configs always name them."""

import inspect

import pytest
from mmengine import registry as engine_registries
from mmengine.registry import Registry
from mmseg import registry as seg_registries

import mmseg_mammo

REGISTRIES = {
    id(registry): registry
    for module in (engine_registries, seg_registries)
    for registry in vars(module).values()
    if isinstance(registry, Registry)
}
CLASSES = {
    kind
    for registry in REGISTRIES.values()
    for kind in registry.module_dict.values()
    if inspect.isclass(kind) and kind.__module__.startswith(f'{mmseg_mammo.__name__}.')
}
BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)


def own_constructor(kind):
    """The first ``__init__`` that building ``kind`` runs, if it is this package's."""
    owner = next(one for one in kind.__mro__ if '__init__' in vars(one))
    return owner.__init__ if owner.__module__.startswith(f'{mmseg_mammo.__name__}.') else None


def test_all_kinds_of_classes_are_looked_at():
    rooms = {kind.__module__.split('.')[1] for kind in CLASSES}
    assert rooms == {'datasets', 'transforms', 'models', 'engine', 'evaluation'}
    assert sum(own_constructor(kind) is not None for kind in CLASSES) > 20


@pytest.mark.parametrize('kind', sorted(CLASSES, key=lambda kind: kind.__name__))
def test_a_constructor_takes_keywords_only(kind):
    if constructor := own_constructor(kind):
        _, *settings = inspect.signature(constructor).parameters.values()
        assert [one.name for one in settings if one.kind not in BY_NAME] == []
