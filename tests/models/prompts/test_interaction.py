"""Where prompts come from: the truth, or what was given, never anything else."""

import pytest
import torch
from sam_models import sample_of, square

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models import EDTCentreSampler, RandomPointSampler
from mmseg_mammo.models.input_grid import input_scale
from mmseg_mammo.models.prompts.interaction import (
    image_generator,
    prompts_from_metainfo,
    prompts_from_truth,
)

GIVEN = dict(points=[[[9.0, 19.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]]], labels=[[1, -1], [0, 1]])


def test_random_numbers_belong_to_the_image():
    draw = lambda name: torch.rand(3, generator=image_generator(sample_of(name=name))).tolist()
    assert draw('a.png') == draw('a.png') != draw('b.png')


def test_the_truth_is_looked_at_on_the_input():
    """An 80×40 picture stretched to 40×40; the square's centre (19.5, 29.5) becomes (19.5, 14.5)."""
    sample = sample_of(square((80, 40), 20, 10, 20), (80, 40))
    prompting = prompts_from_truth(sample, (40, 40), EDTCentreSampler())
    (((x, y),),) = prompting.prompts.points.tolist()
    assert prompting.objects.shape == (1, 40, 40)
    assert prompting.objects.sum() == 10 * 20
    assert (10 < x < 29) and y in (14, 15)
    assert prompting.rounds == 0


def test_random_points_of_a_normal_image_are_in_the_picture_never_in_its_padding():
    sample = sample_of(torch.zeros(80, 40), (80, 40), img_padding_size=(0, 20, 0, 0))
    points = prompts_from_truth(sample, (40, 40), RandomPointSampler(points=200)).prompts.points
    assert points[..., 0].max() <= 19
    assert points[..., 1].max() > 30


def test_a_sample_without_truth_is_an_error_and_no_click_in_the_middle():
    with pytest.raises(MammoError, match=r'a\.png: no true mask.*--prompts FILE'):
        prompts_from_truth(sample_of(), (40, 40), EDTCentreSampler())


def test_an_image_label_has_no_mask_to_take_prompts_from():
    sample = sample_of(torch.full((32, 32), 255))
    sample.set_metainfo({'annotated': 'lesion', 'mask_kind': 'image-label'})
    with pytest.raises(MammoError, match='its lesion has no mask to take prompts from'):
        prompts_from_truth(sample, (32, 32), EDTCentreSampler())


def test_given_prompts_move_from_the_prepared_image_to_the_input_and_back():
    """80×56 -> 40×56: (x, y) -> (x, (y + 0.5) / 2 - 0.5)."""
    sample = sample_of(prompts={**GIVEN, 'boxes': [[0, 0, 9, 9], [2, 4, 5, 7]]})
    assert input_scale(sample, (40, 56)) == (1, 0.5)
    prompting = prompts_from_metainfo(sample, (40, 56))
    assert prompting.prompts.points[0, 0].tolist() == [9, 9.25]
    assert prompting.prompts.boxes[1].tolist() == [2, 1.75, 5, 3.25]
    told = prompting.prompts.scale(1, 2).as_metainfo()
    assert told['prompt_points'] == [[9, 19, 1], [1, 2, 0], [3, 4, 1]]
    assert told['prompt_boxes'] == [[0, 0, 9, 9], [2, 4, 5, 7]]


def test_a_sample_without_given_prompts_is_an_error():
    with pytest.raises(MammoError, match=r'a\.png: no prompts.*LoadPrompts'):
        prompts_from_metainfo(sample_of(square()), (40, 40))


def test_an_image_without_a_prompt_has_no_object():
    none = dict(points=[], labels=[], boxes=None)
    prompts = prompts_from_metainfo(sample_of(prompts=none), (40, 28)).prompts
    assert (prompts.points.shape, prompts.labels.shape, prompts.boxes) == ((0, 0, 2), (0, 0), None)
    assert prompts.as_metainfo() == {'prompt_points': [], 'prompt_boxes': []}


def test_boxes_alone_have_no_points():
    given = dict(points=[[], []], labels=[[], []], boxes=[[0, 0, 9, 9], [2, 4, 5, 7]])
    prompts = prompts_from_metainfo(sample_of(prompts=given), (80, 56)).prompts
    assert prompts.points.shape == (2, 0, 2)
    assert prompts.labels.shape == (2, 0)
    assert prompts.as_metainfo()['prompt_points'] == []


def test_a_flipped_input_is_refused():
    with pytest.raises(MammoError, match='flipped'):
        input_scale(sample_of(flip=True), (40, 40))
