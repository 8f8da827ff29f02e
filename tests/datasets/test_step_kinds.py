import pytest
from mmseg.registry import TRANSFORMS

from mmseg_mammo.datasets import step_kinds
from mmseg_mammo.datasets.step_kinds import (
    describe_software,
    describe_step,
    is_cacheable,
    is_deterministic,
    takes_one_channel,
)
from mmseg_mammo.transforms import MammoCLAHE, RandomLesionAffine

CACHEABLE = (
    *('ReadMammogram', 'LoadMammogram', 'MapIntensity', 'LoadLesionMask', 'MammoCLAHE'),
    *('LoadImageFromFile', 'LoadAnnotations'),
)


def built(kind, **settings):
    return TRANSFORMS.build({'type': kind, **settings})


class OwnCLAHE(MammoCLAHE):
    """A child, which may do anything."""


class SaidCLAHE(MammoCLAHE):
    """A child that says what it is."""

    cacheable = True


@pytest.mark.parametrize('kind', CACHEABLE)
def test_steps_that_give_the_same_again(kind):
    assert is_cacheable(built(kind))
    assert is_deterministic(built(kind))


@pytest.mark.parametrize('kind', ['Resize', 'ResizeMammogram'])
def test_resizing_gives_the_same_again(kind):
    assert is_cacheable(built(kind, scale=(8, 8)))


@pytest.mark.parametrize(
    'step',
    [
        built('RandomFlip', prob=0.5),
        built('RandomCrop', crop_size=(4, 4)),
        built('PhotoMetricDistortion'),
        RandomLesionAffine(),
        built('RandomApply', transforms=[MammoCLAHE()]),
        OwnCLAHE(),
    ],
)
def test_all_others_end_the_cache_and_may_use_random_numbers(step):
    assert not is_cacheable(step)
    assert not is_deterministic(step)


def test_packing_and_prompts_use_no_random_numbers_and_are_not_kept():
    for kind in ('PackMammogram', 'LoadPrompts'):
        assert is_deterministic(built(kind))
        assert not is_cacheable(built(kind))


def test_a_child_says_for_itself():
    assert is_cacheable(SaidCLAHE())
    assert not takes_one_channel(SaidCLAHE())
    assert takes_one_channel(MammoCLAHE())


def test_settings_that_are_no_plain_data_are_not_kept():
    step = MammoCLAHE()
    step.extra = object()

    assert not is_cacheable(step)


def test_descriptions_tell_settings_and_code_apart(monkeypatch):
    one, other = describe_step(MammoCLAHE()), describe_step(MammoCLAHE(clip_limit=3))

    assert one == describe_step(MammoCLAHE()) != other
    said = describe_step(SaidCLAHE())
    assert set(one['code']) < set(said['code'])  # its own module beside that of the host's base
    monkeypatch.setattr(step_kinds.Path, 'read_bytes', lambda _: b'other code')
    assert describe_step(SaidCLAHE()) != said
    assert describe_step(MammoCLAHE()) != one  # a changed copy of the host
    changed = describe_software.__wrapped__()
    assert changed['code'] != describe_software()['code']
    assert {'numpy', 'opencv', 'code'} <= changed.keys()
