"""Joined model: its config, and weights that are those of the stages."""

import pytest
import torch

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.two_stage.joined import (
    build_joined,
    joined_config,
    with_full_image,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import read_record


def test_the_full_image_is_kept_right_before_it_is_resized():
    steps = [dict(type='LoadMammogram'), dict(type='Resize', scale=(8, 8)), dict(type='Pack')]
    kinds = [step['type'] for step in with_full_image(steps)]
    assert kinds == ['ReadMammogram', 'MapIntensity', 'KeepFullImage', 'Resize', 'Pack']
    with pytest.raises(MammoError, match='resizes no image'):
        with_full_image(steps[:1])


def test_it_is_tested_alone_with_the_crops_of_the_training(parts):
    cfg, stages = parts
    cfg.model.crop.pop('share')
    stages['refiner'].train_dataloader.dataset.pipeline[4].share = 0.7
    joined = joined_config(cfg, **stages)
    assert (joined.model.crop.share, tuple(joined.model.crop.size)) == (0.7, (32, 32))
    assert joined.model.crop.batch == 4
    for name in ('train_dataloader', 'val_dataloader', 'stages', 'train_cfg'):
        assert name not in joined
    kinds = [step['type'] for step in joined.test_dataloader.dataset.pipeline]
    assert 'KeepFullImage' in kinds


def test_a_pipeline_of_its_own_stays(parts):
    cfg, stages = parts
    cfg.test_dataloader.dataset.pipeline = [dict(type='Mine')]
    assert joined_config(cfg, **stages).test_dataloader.dataset.pipeline == [dict(type='Mine')]


def test_its_stages_are_those_that_were_trained(parts, trained):
    cfg, stages = parts
    files = {name: trained[1] / name / 'best.pth' for name in stages}
    model = build_joined(joined_config(cfg, **stages), stages, files)
    for name, stage in stages.items():
        alone = load_model(stage, files[name]).state_dict()
        own = getattr(model, name).state_dict()
        assert all(torch.equal(own[key], alone[key]) for key in alone)


def test_the_record_has_the_images_of_the_finder_and_both_trainings(trained):
    record = read_record(trained[1] / 'best.pth')
    finder, refiner = (read_record(trained[1] / n / 'best.pth') for n in ('finder', 'refiner'))
    assert record['trained_on'] == finder['trained_on']
    assert record['input']['size'] == finder['input']['size'] == (32, 32)
    assert record['input']['mean'] == finder['input']['mean']
    assert record['images'] == finder['images']
    assert record['epoch'] == finder['epoch'] + refiner['epoch']
    assert record['stages']['refiner']['config'] == refiner['config']
    kinds = [step['type'] for step in record['input']['steps']]
    assert kinds == ['ReadMammogram', 'MapIntensity', 'MammoCLAHE', 'Resize']
