"""Prompt encoder and decoder against segment-anything's, called by hand."""

import pytest
import torch
import torch.nn.functional as F
from sam_models import SIDE, meta_sam, square

from mmseg_mammo.models import ErrorPointSampler
from mmseg_mammo.models.prompts.interaction import Interaction
from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.sam.mask_decoder import (
    best_candidate,
    choose_candidate,
    decode,
    decode_rounds,
    merge_objects,
    take_candidate,
)


@pytest.fixture(scope='module')
def sam():
    return meta_sam()


@pytest.fixture(scope='module')
def embedding():
    return torch.randn(1, 32, 4, 4, generator=torch.Generator().manual_seed(0))


def prompts_of(points, labels, boxes=None):
    boxes = None if boxes is None else torch.tensor(boxes, dtype=torch.float32)
    return Prompts(torch.tensor(points, dtype=torch.float32), torch.tensor(labels), boxes)


def by_hand(sam, embedding, points, boxes=None, masks=None):
    sparse, dense = sam.prompt_encoder(points=points, boxes=boxes, masks=masks)
    return sam.mask_decoder(
        image_embeddings=embedding,
        image_pe=sam.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=True,
    )


def ours(sam, embedding, prompts, mask=None):
    return decode(sam.prompt_encoder, sam.mask_decoder, embedding, prompts, mask)


POINTS = [[[5.0, 9.0], [40.0, 30.0]], [[20.0, 21.0], [63.0, 0.0]]]
BOXES = [[1.0, 2.0, 30.0, 40.0], [5.0, 5.0, 50.0, 63.0]]


def test_points_boxes_and_masks_give_what_segment_anything_gives(sam, embedding):
    prompts = prompts_of(POINTS, [[1, 0], [1, 1]], BOXES)
    mask = torch.randn(2, 1, 16, 16)
    expected = by_hand(sam, embedding, (prompts.points, prompts.labels), prompts.boxes, mask)
    for found, wanted in zip(ours(sam, embedding, prompts, mask)[:2], expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert expected[0].shape == (2, 3, 16, 16)
    assert expected[1].shape == (2, 3)


def test_a_box_alone_is_no_point(sam, embedding):
    none = Prompts(torch.zeros(2, 0, 2), torch.zeros(2, 0, dtype=torch.int64), torch.tensor(BOXES))
    expected = by_hand(sam, embedding, None, none.boxes)
    torch.testing.assert_close(ours(sam, embedding, none)[:2], expected)


def test_an_object_is_decoded_as_if_it_were_alone_whatever_points_the_other_has(sam, embedding):
    filled = prompts_of(POINTS, [[1, -1], [1, 1]])
    mask = torch.randn(2, 1, 16, 16)
    logits, iou, _ = ours(sam, embedding, filled, mask)
    for index, count in ((0, 1), (1, 2)):
        alone = prompts_of([POINTS[index][:count]], [[1] * count])
        expected = ours(sam, embedding, alone, mask[index : index + 1])
        torch.testing.assert_close(logits[index : index + 1], expected[0])
        torch.testing.assert_close(iou[index : index + 1], expected[1])


def test_autocast_does_not_reach_coordinates_or_masks(sam, embedding):
    prompts = prompts_of(POINTS, [[1, 0], [1, 1]])
    expected = ours(sam, embedding, prompts)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = ours(sam, embedding, prompts)
    assert all(torch.equal(a, b) for a, b in zip(found[:2], expected[:2], strict=True))


def test_the_candidate_with_the_highest_predicted_iou_is_kept_or_always_the_same():
    iou = torch.tensor([[0.1, 0.9, 0.2], [0.5, 0.4, 0.6]])
    assert choose_candidate(iou, 'predicted_iou').tolist() == [1, 2]
    assert choose_candidate(iou, 1).tolist() == [1, 1]
    candidates = torch.arange(12).view(2, 3, 2)
    assert take_candidate(candidates, torch.tensor([1, 2])).tolist() == [[2, 3], [10, 11]]


def test_a_further_round_sees_the_chosen_logits_and_one_more_point(sam, embedding):
    """Two rounds written out with segment-anything's own parts."""
    truth = square((SIDE, SIDE - 8), 10, 10, 20)[None]  # the picture; 8 columns are padding
    sampler = ErrorPointSampler(first=dict(type='EDTCentreSampler'), rounds=1)
    generator = torch.Generator().manual_seed(0)
    prompting = Interaction(sampler(truth), truth, sampler, generator)
    parts = sam.prompt_encoder, sam.mask_decoder
    first, second = decode_rounds(*parts, embedding, prompting, 'predicted_iou')
    low, iou = by_hand(sam, embedding, (prompting.prompts.points, prompting.prompts.labels))
    upscale = lambda masks: F.interpolate(masks, (SIDE, SIDE), mode='bilinear')
    torch.testing.assert_close(first[0], upscale(low))
    best = int(iou.argmax())
    predicted = upscale(low)[:, best, :, : SIDE - 8] > 0
    more = sampler.next_prompts(
        prompting.prompts, truth, predicted, torch.Generator().manual_seed(0)
    )
    assert more.points.shape == (1, 2, 2)
    expected = by_hand(sam, embedding, (more.points, more.labels), None, low[:, best : best + 1])
    torch.testing.assert_close(second[0], upscale(expected[0]))
    torch.testing.assert_close(second[1], expected[1])
    assert torch.equal(second[2].points, more.points)


def test_the_mask_of_an_earlier_round_gets_no_gradient(sam, embedding):
    truth = square((SIDE, SIDE), 10, 10, 20)[None]
    sampler = ErrorPointSampler(first=dict(type='EDTCentreSampler'), rounds=1)
    inputs = embedding.clone().requires_grad_()
    prompting = Interaction(sampler(truth), truth, sampler, torch.Generator().manual_seed(0))
    parts = sam.prompt_encoder, sam.mask_decoder
    _, second = decode_rounds(*parts, inputs, prompting, 0)
    (gradient,) = torch.autograd.grad(second[0].sum(), inputs)
    alone = embedding.clone().requires_grad_()
    kept = by_hand(sam, embedding, (prompting.prompts.points, prompting.prompts.labels))[0][:, :1]
    fixed = ours(sam, alone, second[2], kept.detach())[0]
    total = F.interpolate(fixed, (SIDE, SIDE), mode='bilinear').sum()
    torch.testing.assert_close(torch.autograd.grad(total, alone)[0], gradient)


def test_the_best_candidate_of_an_object_is_that_of_its_own_truth_not_of_the_union():
    """1×4 pixels of a picture and one of padding; IoUs 1/2, 1 and 1/4; then 0, 1/3 and 1/2."""
    truths = torch.tensor([[[1, 0, 0, 0]], [[0, 0, 0, 1]]]).bool()
    masks = torch.tensor(
        [
            [[1, 1, 0, 0, 0], [1, 0, 0, 0, 9], [1, 1, 1, 1, 0]],
            [[1, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 0]],
        ]
    )
    logits = masks[:, :, None] * 2.0 - 1
    assert best_candidate(logits, truths).tolist() == [1, 2]
    kept, offered = merge_objects(logits, torch.tensor([0, 0]), truths)
    assert (kept > 0).tolist() == [[True, True, False, False, False]]
    assert (offered > 0).long().tolist() == [
        [[1, 1, 0, 0, 0]],
        [[1, 1, 1, 1, 1]],
        [[1, 1, 1, 1, 0]],
        [[1, 0, 1, 1, 1]],
    ]
    assert len(merge_objects(logits, torch.tensor([0, 0]), None)[1]) == 3
    assert len(merge_objects(logits[:1], torch.tensor([0]), truths[:1])[1]) == 3
