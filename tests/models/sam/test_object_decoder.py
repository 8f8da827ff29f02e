"""The decoder with an object token against segment-anything's own."""

import torch
from sam_models import meta_sam, randomised
from segment_anything.modeling import MaskDecoder

from mmseg_mammo.models.sam.mask_decoder import build_small_parts
from mmseg_mammo.models.sam.object_decoder import OBJECT_PARTS, ObjectMaskDecoder


def parts(objects=3):
    """What a prompt encoder gives for three objects of one image of 4×4 patches."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    return draw(1, 32, 4, 4), draw(1, 32, 4, 4), draw(objects, 2, 32), draw(objects, 32, 4, 4)


def both():
    """A decoder with random weights, and segment-anything's with those that both have."""
    torch.manual_seed(0)
    ours = randomised(build_small_parts(32, 64, object_score=True)[1])
    theirs = meta_sam().mask_decoder
    shared = theirs.state_dict().keys()
    theirs.load_state_dict({n: v for n, v in ours.state_dict().items() if n in shared})
    return ours, theirs


def test_its_masks_are_those_of_segment_anything_with_the_token_among_the_prompts():
    ours, theirs = both()
    embedding, places, sparse, dense = parts()
    with torch.no_grad():
        logits, iou, found = ours.predict_objects(embedding, places, sparse, dense)
        prompts = torch.cat([sparse, ours.object_token.weight.expand(3, 1, 32)], dim=1)
        expected = theirs.predict_masks(embedding, places, prompts, dense)
        without = theirs.predict_masks(embedding, places, sparse, dense)
    for one, other, bare in zip((logits, iou), expected, without, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(one, bare, atol=1e-3)
    assert logits.shape == (3, 4, 16, 16)
    assert found.shape == (3,)


def test_the_logit_is_made_of_what_the_transformer_returns_for_the_token():
    ours, _ = both()
    embedding, places, sparse, dense = parts()
    own = [ours.iou_token.weight, ours.mask_tokens.weight, ours.object_token.weight]
    tokens = torch.cat([torch.cat(own).expand(3, -1, -1), sparse], dim=1)
    with torch.no_grad():
        seen, _ = ours.transformer(embedding + dense, places.expand(3, -1, -1, -1), tokens)
        expected = seen[:, 5]
        for number, layer in enumerate(ours.object_head.layers):
            expected = layer(expected if number == 0 else expected.relu())
        *_, found = ours.predict_objects(embedding, places, sparse, dense)
    torch.testing.assert_close(found, expected[:, 0], rtol=1e-4, atol=1e-4)


def test_as_segment_anything_calls_it_it_gives_masks_and_predicted_ious():
    ours, _ = both()
    with torch.no_grad():
        logits, iou, _ = ours.predict_objects(*parts())
        one = ours(*parts(), multimask_output=False)
        three = ours(*parts(), multimask_output=True)
    for among, kept, others in zip((logits, iou), one, three, strict=True):
        assert torch.equal(among[:, :1], kept)
        assert torch.equal(among[:, 1:], others)


def test_only_what_is_new_has_a_new_name_and_a_decoder_without_it_is_metas():
    with_score, without = (
        build_small_parts(32, 64, object_score=asked)[1] for asked in (True, False)
    )
    assert type(without) is MaskDecoder
    assert isinstance(with_score, ObjectMaskDecoder)
    new = with_score.state_dict().keys() - meta_sam().mask_decoder.state_dict().keys()
    assert without.state_dict().keys() == meta_sam().mask_decoder.state_dict().keys()
    assert len(new) == 7
    assert all(f'mask_decoder.{name}'.startswith(OBJECT_PARTS) for name in new)
