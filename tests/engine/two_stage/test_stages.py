"""Stages: what the config of both says for each, and what is refused."""

from pathlib import Path

import pytest
from mmengine.config import Config
from two_stages import write_stages

from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.engine.config.overrides import override
from mmseg_mammo.engine.two_stage.stages import (
    check_stages,
    crop_steps,
    each_stage,
    stage_config,
    use_candidates,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config


@pytest.fixture
def both(prepared, tmp_path):
    cfg = read_config(write_stages(tmp_path / 'configs', prepared))
    cfg.work_dir, cfg.launcher = str(tmp_path / 'work'), 'none'
    return cfg


def test_a_stage_has_its_own_folder_and_the_seed_of_both(both, tmp_path):
    both.randomness = dict(seed=77)
    for name in ('finder', 'refiner'):
        stage = stage_config(both, name)
        assert stage.randomness == dict(seed=77)
        assert stage.work_dir == str(tmp_path / 'work' / name)
        assert stage.visualizer.name == stage.work_dir
    names = [stage_config(both, name).experiment_name for name in ('finder', 'refiner')]
    assert names[0] != names[1]


def test_data_of_both_go_to_each_stage_but_for_how_images_are_seen(both):
    before = read_config(find_config('unet_finder_cbis')).train_dataloader.dataset.pipeline
    both.train_dataloader.dataset.update(data_root='data/ours', type='MammographyDataset')
    both.val_dataloader.dataset.finding = 'mass'
    both.stages.refiner.options = {'train_dataloader.dataset.data_root': 'data/theirs'}
    finder, refiner = (stage_config(both, name) for name in ('finder', 'refiner'))
    for stage, root in ((finder, 'data/ours'), (refiner, 'data/theirs')):
        assert stage.train_dataloader.dataset.data_root == root
        assert stage.train_dataloader.dataset.type == 'MammographyDataset'
        assert stage.val_dataloader.dataset.finding == 'mass'
        assert 'finding' not in stage.train_dataloader.dataset
    kinds = [step['type'] for step in finder.train_dataloader.dataset.pipeline]
    assert kinds == [step['type'] for step in before]


def test_options_may_come_from_the_command_line(both):
    options = {'stages.finder.options.train_cfg.max_epochs': 9, 'stages.refiner.side': 64}
    override(both, options)
    assert stage_config(both, 'finder').train_cfg.max_epochs == 9
    refiner = stage_config(both, 'refiner')
    assert refiner.train_cfg.max_epochs == 1
    assert refiner.model.data_preprocessor.size == (64, 64)


def test_an_option_without_effect_is_refused_with_its_place(both):
    both.stages.finder.options = dict(train_cfg=dict(max_epoch=9))
    with pytest.raises(MammoError, match=r'^stages\.finder\.options: train_cfg\.max_epoch'):
        stage_config(both, 'finder')


def test_crops_are_those_of_both_unless_an_option_says_else(both):
    both.model.crop.share = 0.5
    (step,) = crop_steps(stage_config(both, 'refiner'), 'train_dataloader')
    assert step.share == 0.5
    both.model.crop.mm = 60
    (step,) = crop_steps(stage_config(both, 'refiner'), 'val_dataloader')
    assert step.mm == 60
    both.stages.refiner.options = {'train_dataloader.dataset.pipeline.4.share': 0.7}
    (step,) = crop_steps(stage_config(both, 'refiner'), 'train_dataloader')
    assert step.share == 0.7


def test_crops_get_the_candidates_of_their_split(both, tmp_path):
    stage = stage_config(both, 'refiner')
    use_candidates(stage, tmp_path)
    for split in ('train', 'val'):
        (step,) = crop_steps(stage, f'{split}_dataloader')
        assert step.candidates == str(tmp_path / f'{split}.csv')
    (step,) = crop_steps(stage, 'test_dataloader')
    assert step.get('candidates') is None


def test_a_refiner_of_whole_images_is_refused(both, tmp_path):
    with pytest.raises(MammoError, match='trains on whole images'):
        use_candidates(stage_config(both, 'finder'), tmp_path)


@pytest.mark.parametrize(
    ('stages', 'said'),
    [
        (dict(finder=dict(config='a')), 'stages has finder'),
        (dict(finder=dict(config='a'), refiner=dict(options={})), r'stages\.refiner names no'),
        (dict(finder=dict(config='a', option={}), refiner=dict(config='b')), r'finder\.option'),
    ],
)
def test_stages_that_say_too_little_or_too_much_are_refused(stages, said):
    with pytest.raises(MammoError, match=said):
        check_stages(Config(dict(stages=stages)))


def test_a_stage_without_a_training_is_refused(both):
    both.stages.finder.config = 'unet_zgt'
    with pytest.raises(MammoError, match=r'stages\.finder: .* has no training'):
        stage_config(both, 'finder')


def test_a_command_that_fills_caches_has_both_stages(both):
    assert [Path(one.filename).stem for one in each_stage(both)] == ['finder', 'refiner']
    alone = read_config(find_config('unet_cbis'))
    assert each_stage(alone) == [alone]
