"""Every shipped config: it resolves, uses nothing outside the repository, and builds."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.models.tuning import count_parameters

CONFIGS = Path(__file__).parents[1] / 'configs'
BASES = sorted(CONFIGS.glob('_base_/**/*.py'))
EXPERIMENTS = sorted(p for p in CONFIGS.glob('**/*.py') if '_base_' not in p.parts)


def resolve(path):
    return Config.fromfile(path)


def build(cfg):
    """Build the model without memory for its weights."""
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def bases_of(path):
    bases = Config._get_base_files(str(path))
    return {(path.parent / base).resolve() for base in bases}


def test_there_are_configs():
    assert len(EXPERIMENTS) >= 5
    assert len(BASES) >= 5


def test_every_base_is_inside_the_repository_and_used():
    used = set()
    for path in EXPERIMENTS:
        found = bases_of(path)
        assert found, path
        assert all(base.is_relative_to(CONFIGS) and base.is_file() for base in found), path
        used |= found
    assert set(BASES) <= used


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_it_resolves_and_builds(path):
    assert resolve(path).custom_imports.imports == ['mmseg_mammo']
    model = build(resolve(path))
    assert model.decode_head.out_channels == 1
    assert model.decode_head.threshold == 0.5
    total, trained = count_parameters(model)
    assert 0 < trained <= total


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_it_opens_with_the_command_that_runs_it(path):
    header = path.read_text().split('"""')[1]
    assert 'tools/' in header


def test_parameters_of_the_thesis_are_trained():
    """IV-D: 24×50×1024 prompts and the SETR-PUP head, with one and with two output channels."""
    cfg = resolve(CONFIGS / 'setr_pup_vpt_cbis.py')
    assert count_parameters(build(cfg)) == (308_661_505, 5_361_921)
    cfg.model.decode_head.update(out_channels=2, threshold=None)
    assert count_parameters(build(cfg)) == (308_661_762, 5_362_178)
    # Without prompts, patch bias and so on the thesis's 307.43 M.
    assert round((308_661_762 - 24 * 50 * 1024) / 1e6, 2) == 307.43


def test_the_recipe_is_the_thesiss():
    cfg = resolve(CONFIGS / 'setr_pup_vpt_cbis.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.betas) == ('AdamW', 1e-4, (0.9, 0.999))
    assert cfg.train_dataloader.batch_size == 16
    for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
        steps = {step.type: step for step in pipeline}
        assert steps['Resize'].scale == (224, 224)
        assert not steps['Resize'].keep_ratio
        assert 'MammoCLAHE' in steps


def test_each_loader_reads_its_own_split():
    cfg = resolve(CONFIGS / 'setr_pup_vpt_cbis.py')
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.split == split
    assert resolve(CONFIGS / 'setr_pup_vpt_zgt.py').test_dataloader.dataset.split == 'test'


def test_grey_levels_reach_the_model_from_minus_one_to_one():
    cfg = resolve(CONFIGS / 'setr_pup_vpt_cbis.py').model.data_preprocessor
    preprocess = MODELS.build({**cfg, 'size': None})
    black_and_white = torch.tensor([0.0, 255.0]).expand(3, 1, 2)
    packed = preprocess({'inputs': [black_and_white], 'data_samples': None})
    assert packed['inputs'][0, 0].tolist() == [[-1, 1]]


def test_the_unseen_hospital_is_tested_as_the_source_is():
    cbis = resolve(CONFIGS / 'setr_pup_vpt_cbis.py')
    zgt = resolve(CONFIGS / 'setr_pup_vpt_zgt.py')
    assert zgt.test_dataloader.dataset.pipeline == cbis.test_dataloader.dataset.pipeline
    assert zgt.test_evaluator == cbis.test_evaluator
    assert zgt.model == cbis.model
    assert 'train_dataloader' not in zgt


def test_the_demo_tests_what_it_inherits():
    for name in ('setr_pup_vpt_cbis.py', 'setr_pup_vpt_zgt.py'):
        full, demo = resolve(CONFIGS / name), resolve(CONFIGS / 'demo' / name)
        assert demo.model.backbone.type == full.model.backbone.type
        assert demo.test_dataloader.dataset.type == full.test_dataloader.dataset.type
        assert demo.test_pipeline == full.test_pipeline
