"""A type of a config is the same, named or as a class."""

import pytest
import torch
from class_configs import in_classes
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_mammo.engine.config.differences import check_length, input_differences
from mmseg_mammo.engine.config.edits import use_mixed_precision, use_side
from mmseg_mammo.engine.config.type_names import class_of, type_name, with_names
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.transforms import ResizeMammogram


@pytest.mark.parametrize(
    ('kind', 'name'),
    [
        ('LoRAModel', 'LoRAModel'),
        ('mmpretrain.LoRAModel', 'LoRAModel'),
        (ResizeMammogram, 'ResizeMammogram'),
        (torch.optim.AdamW, 'AdamW'),
        (None, ''),
    ],
)
def test_names_and_classes_are_alike(kind, name):
    assert type_name(kind) == name
    assert with_names({'a': [{'type': kind, 'b': (1, 2)}]}) == {'a': [{'type': name, 'b': [1, 2]}]}


@pytest.mark.parametrize('name', ['unet_strong_cbis', 'setr_pup_vpt_cbis'])
def test_side_resuming_and_comparison_work_on_a_config_in_classes(name, tmp_path):
    named, cfg = Config.fromfile(find_config(name)), in_classes(name, tmp_path)
    assert isinstance(cfg.train_dataloader.dataset.pipeline[3].type, type)
    assert input_differences(named, cfg) == []
    check_length(named, cfg)
    use_side(cfg, 512)
    for split in ('train', 'val', 'test'):
        steps = cfg[f'{split}_dataloader'].dataset.pipeline
        assert [s.scale for s in steps if 'Resize' in type_name(s.type)] == [(512, 512)], split
    assert [d.split()[0] for d in input_differences(named, cfg)] == [
        'Resize.scale',
        'data_preprocessor.size',
    ]
    use_mixed_precision(cfg)
    assert type_name(cfg.optim_wrapper.type) in ('BFloat16OptimWrapper', 'AmpOptimWrapper')


@pytest.mark.parametrize(
    ('kind', 'found'),
    [
        ('ResizeMammogram', ResizeMammogram),
        ('mmseg.ResizeMammogram', ResizeMammogram),
        (ResizeMammogram, ResizeMammogram),
        *((unknown, None) for unknown in (None, '', 'Foo', 'nopackage.Foo', 3)),
    ],
)
def test_what_a_type_does_not_name_is_no_class(kind, found):
    assert class_of(kind, TRANSFORMS) is found
