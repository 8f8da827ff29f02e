"""Samplers as configs build them: what they give for lesions, several of them, and none."""

import pytest
import torch
from mmseg.registry import MODELS
from segment_anything.modeling import PromptEncoder

from mmseg_mammo.errors import MammoError

SAMPLERS = {
    'random': dict(type='RandomPointSampler', points=3),
    'centre': dict(type='EDTCentreSampler'),
    'box': dict(type='JitteredBoxSampler', jitter=0),
    'clicks': dict(type='ErrorPointSampler', first=dict(type='EDTCentreSampler'), rounds=2),
}


def build(name, **options):
    return MODELS.build({**SAMPLERS[name], **options})


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def lesions():
    """Two lesions on 16×24: 5×5, and a diagonal of two pixels."""
    mask = torch.zeros(16, 24, dtype=torch.bool)
    mask[2:7, 3:8] = True
    mask[12, 20] = mask[13, 21] = True
    return mask


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_mask_is_one_object_unless_it_is_divided(name, lesions):
    assert torch.equal(build(name).objects(lesions), lesions[None])


@pytest.mark.parametrize('name', SAMPLERS)
def test_components_are_objects_that_touch_at_no_corner_and_whose_union_is_the_mask(name, lesions):
    objects = build(name, per_component=True).objects(lesions)
    assert objects.dtype == torch.bool
    assert objects.flatten(1).sum(1).tolist() == [25, 2]
    assert torch.equal(objects.any(0), lesions)


@pytest.mark.parametrize('divided', [False, True])
@pytest.mark.parametrize('name', SAMPLERS)
def test_an_empty_mask_is_one_empty_object_with_prompts_of_label_1(name, divided, lesions):
    sampler = build(name, per_component=divided)
    objects = sampler.objects(torch.zeros_like(lesions))
    prompts = sampler(objects, seeded())
    assert objects.shape == (1, 16, 24)
    assert not objects.any()
    assert len(prompts.points) == 1
    assert (prompts.labels == 1).all()


def test_the_prompts_of_an_empty_mask_are_the_thesiss(lesions):
    """III-A3: the centre of the image when testing, random pixels of it when training."""
    empty = torch.zeros_like(lesions)[None]
    assert build('centre')(empty).points.tolist() == [[[11.5, 7.5]]]
    assert build('box')(empty).boxes.tolist() == [[0, 0, 23, 15]]
    many = build('random', points=500)(empty, seeded()).points[0]
    assert many.amin(0).tolist() == [0, 0]
    assert many.amax(0).tolist() == [23, 15]


@pytest.mark.parametrize(('name', 'count'), [('random', 3), ('centre', 1), ('clicks', 1)])
def test_every_object_has_points_inside_of_it(name, count, lesions):
    sampler = build(name, per_component=True)
    objects = sampler.objects(lesions)
    prompts = sampler(objects, seeded())
    assert prompts.points.dtype == torch.float32
    assert prompts.labels.shape == prompts.points.shape[:2] == (2, count)
    for mask, points in zip(objects, prompts.points.long(), strict=True):
        assert mask[points[:, 1], points[:, 0]].all()


def test_boxes_come_without_points(lesions):
    sampler = build('box', per_component=True)
    prompts = sampler(sampler.objects(lesions))
    assert prompts.points.shape == (2, 0, 2)
    assert prompts.boxes.tolist() == [[3, 2, 7, 6], [20, 12, 21, 13]]


@pytest.mark.parametrize('name', ['random', 'box'])
def test_the_generator_alone_decides(name, lesions):
    sampler = build(name, **({'jitter': 0.1} if name == 'box' else {}))
    torch.manual_seed(1)
    first = sampler(lesions[None], seeded())
    torch.manual_seed(2)
    again, other = sampler(lesions[None], seeded()), sampler(lesions[None], seeded(5))
    key = 'boxes' if name == 'box' else 'points'
    assert torch.equal(getattr(first, key), getattr(again, key))
    assert not torch.equal(getattr(first, key), getattr(other, key))


def test_further_clicks_are_added_and_correct_the_prediction(lesions):
    sampler = build('clicks', per_component=True)
    objects = sampler.objects(lesions)
    prompts = sampler(objects, seeded())
    predicted = objects.clone()
    predicted[1, 12, 20] = False  # the second object misses one pixel, the first is perfect
    more = sampler.next_prompts(prompts, objects, predicted, seeded())
    assert sampler.rounds == 2
    assert more.points.tolist() == [[[5, 4], [0, 0]], [[20, 12], [20, 12]]]
    assert more.labels.tolist() == [[1, -1], [1, 1]]
    assert prompts.points.shape == (2, 1, 2)


def test_clicks_may_follow_a_box(lesions):
    sampler = build('clicks', first=SAMPLERS['box'])
    prompts = sampler(lesions[None])
    more = sampler.next_prompts(prompts, lesions[None], torch.zeros_like(lesions)[None], seeded())
    assert torch.equal(more.boxes, prompts.boxes)
    assert more.labels.tolist() == [[1]]


def test_only_clicks_have_rounds():
    assert [build(name).rounds for name in SAMPLERS] == [0, 0, 0, 2]


@pytest.mark.parametrize('name', SAMPLERS)
def test_segment_anything_takes_the_prompts(name, lesions):
    """Its encoder gives one token per point, two per box, one of padding where there is no box."""
    encoder = PromptEncoder(8, (4, 4), (64, 64), 4)
    sampler = build(name, per_component=True)
    objects = sampler.objects(lesions)
    prompts = sampler(objects, seeded())
    tokens, _ = encoder((prompts.points, prompts.labels), prompts.boxes, None)
    count = prompts.points.shape[1]
    assert tokens.shape == (2, count + (2 if prompts.boxes is not None else 1), 8)


def test_segment_anything_takes_padding_for_no_point(lesions):
    encoder = PromptEncoder(8, (4, 4), (64, 64), 4)
    sampler = build('clicks')
    prompts = sampler(lesions[None])
    padded = sampler.next_prompts(prompts, lesions[None], lesions[None])
    tokens, _ = encoder((padded.points, padded.labels), None, None)
    torch.testing.assert_close(tokens[0, 1], encoder.not_a_point_embed.weight[0])


@pytest.mark.parametrize(
    'bad',
    [
        dict(type='RandomPointSampler', points=0),
        dict(type='JitteredBoxSampler', jitter=-0.1),
        dict(type='JitteredBoxSampler', max_jitter=-1),
        dict(type='ErrorPointSampler', first=dict(type='EDTCentreSampler'), rounds=0),
        dict(
            type='ErrorPointSampler',
            first=dict(type='EDTCentreSampler', per_component=True),
            rounds=1,
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(bad):
    with pytest.raises(MammoError, match='Allowed'):
        MODELS.build(bad)
