"""A name means what is registered; nothing is imported to find out."""

import sys

import mmpretrain.models
import mmseg.models
import pytest
import torch
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import MODELS as ROOT_MODELS
from mmseg.registry import HOOKS, MODELS, TRANSFORMS

from mmseg_mammo.engine.config.registered import find_registered, look_up, registered_name
from mmseg_mammo.engine.config.type_names import class_of
from mmseg_mammo.transforms import MammoCLAHE


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module of which it is known whether anybody imported it."""
    (tmp_path / 'evil_module.py').write_text('class Thing:\n    pass\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop('evil_module', None)


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('MammoCLAHE', 'MammoCLAHE'),
        ('mmpretrain.LoRAModel', 'mmpretrain.LoRAModel'),
        ('mmseg.UNet', 'mmseg.UNet'),
        (MammoCLAHE, 'MammoCLAHE'),
        ('mmseg_mammo.transforms.MammoCLAHE', 'MammoCLAHE'),
        ('mmcv.transforms.processing.Resize', 'Resize'),
        ('mmseg.datasets.transforms.PackSegInputs', 'PackSegInputs'),
        ('mmseg.visualization.SegLocalVisualizer', 'SegLocalVisualizer'),
        (torch.optim.AdamW, 'AdamW'),
        (torch.nn.LayerNorm, 'LN'),  # as mmcv calls it
        # Two of one name.
        (mmseg.models.VisionTransformer, 'VisionTransformer'),
        (mmpretrain.models.VisionTransformer, 'mmpretrain.VisionTransformer'),
    ],
)
def test_the_name_is_the_one_that_mmengine_finds_the_type_by(kind, name):
    assert registered_name(kind) == name
    assert find_registered(name)
    if isinstance(kind, type):
        assert find_registered(name) == [kind]


@pytest.mark.parametrize(
    'name', ['Foo', 'evil_module', 'evil_module.Thing', 'mmengine.load', 'mmcv.convert_video', '']
)
def test_what_is_not_registered_keeps_its_path_and_is_not_imported(name, evil):
    assert registered_name(name) == name
    assert find_registered(name) == []
    assert look_up(name, MODELS) is None
    assert class_of(name, TRANSFORMS) is None
    assert 'evil_module' not in sys.modules


def test_mmengines_own_look_up_imports_it(evil):
    """Else the test above would prove nothing."""
    assert MODELS.get('evil_module.Thing').__name__ == 'Thing'
    assert 'evil_module' in sys.modules


def test_a_class_of_nobody_is_told_by_its_path():
    class Mine:
        pass

    assert registered_name(Mine).endswith('.Mine')
    assert find_registered(registered_name(Mine)) == []


@pytest.mark.parametrize(
    ('name', 'registry'),
    [
        ('UNet', MODELS),
        ('mmseg.UNet', MODELS),
        ('mmseg.UNet', ROOT_MODELS),
        ('BaseDataPreprocessor', MODELS),
        ('mmengine.BaseDataPreprocessor', MODELS),
        ('mmpretrain.VisionTransformer', MODELS),
        ('mmpretrain.VisionTransformer', ROOT_MODELS),
        ('EMAHook', HOOKS),
        ('EMAHook', ROOT_HOOKS),
        ('ResumableCheckpointHook', HOOKS),
    ],
)
def test_it_finds_what_mmengine_finds(name, registry):
    assert look_up(name, registry) is registry.get(name)


def test_what_another_registry_has_is_not_found():
    assert look_up('UNet', TRANSFORMS) is None
    assert look_up('mmpretrain.Foo', MODELS) is None
