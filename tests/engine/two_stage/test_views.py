"""Views: the same steps before what is cut, and none but the resizing behind it."""

import pytest

from mmseg_mammo.engine.two_stage.views import check_views
from mmseg_mammo.errors import MammoError

LOADERS = ('train_dataloader', 'test_dataloader')


@pytest.mark.parametrize('stage', ['finder', 'refiner'])
def test_stages_that_see_other_images_do_not_fit(stage, parts):
    cfg, stages = parts
    check_views(cfg, **stages)
    for loader in LOADERS:
        stages[stage][loader].dataset.pipeline[2].clip_limit = 9.0
    with pytest.raises(MammoError, match='the same steps with the same settings'):
        check_views(cfg, **stages)


def test_clahe_of_crops_would_be_missing_in_a_test(parts):
    """Both stages as shipped configs of one stage have it: behind the resizing."""
    cfg, stages = parts
    for stage in stages.values():
        for loader in LOADERS:
            steps = stage[loader].dataset.pipeline
            steps.insert(len(steps) - 1, steps.pop(2))
    with pytest.raises(MammoError, match='MammoCLAHE behind CropAroundLesion'):
        check_views(cfg, **stages)


def test_crops_are_resized_as_in_a_test(parts):
    cfg, stages = parts
    for step in stages['refiner'].train_dataloader.dataset.pipeline:
        step.pop('interpolation', None)
    with pytest.raises(MammoError, match="has interpolation='bilinear'"):
        check_views(cfg, **stages)


def test_images_that_are_shrunk_have_masks_of_another_size(parts):
    cfg, stages = parts
    for stage in stages.values():
        for loader in LOADERS:
            stage[loader].dataset.pipeline.insert(1, dict(type='ShrinkMammogram', long_side=40))
    with pytest.raises(MammoError, match=r'ShrinkMammogram before the crops.*--long-side'):
        check_views(cfg, **stages)
