"""Meta's weights: the same names, loaded strictly, into every form of the model."""

import pytest
import torch
from experiments import TINY_SAM
from mmseg.registry import MODELS
from sam_models import meta_sam, our_config, our_sam
from segment_anything import sam_model_registry

from mmseg_mammo.engine.checkpoint import start_presence
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.sam.image_encoder import ARCHS
from mmseg_mammo.models.sam.object_decoder import OBJECT_PARTS
from mmseg_mammo.models.sam.weights import named_tensors

NAMES = {'base': 'vit_b', 'large': 'vit_l', 'huge': 'vit_h'}
LORA = dict(
    type='mmpretrain.LoRAModel',
    module=dict(type='SAMImageEncoder', arch=TINY_SAM, img_size=64),
    rank=2,
    alpha=2,
    targets=[dict(type='qkv')],
)


@pytest.fixture
def weights(tmp_path):
    sam = meta_sam()
    torch.save(sam.state_dict(), tmp_path / 'sam.pth')
    return sam, tmp_path / 'sam.pth'


@pytest.mark.parametrize('arch', ARCHS)
def test_names_and_shapes_are_metas(arch):
    encoder = dict(type='SAMImageEncoder', arch=arch, img_size=1024)
    with torch.device('meta'):
        ours = MODELS.build(our_config(1024, image_encoder=encoder))
        theirs = sam_model_registry[NAMES[arch]]()
    shapes = [{name: t.shape for name, t in model.state_dict().items()} for model in (ours, theirs)]
    assert shapes[0] == shapes[1]
    assert list(shapes[0]) == list(shapes[1])


@pytest.mark.parametrize('encoder', [our_config()['image_encoder'], LORA], ids=['plain', 'lora'])
def test_every_tensor_of_the_file_is_in_the_model(encoder, weights):
    theirs, path = weights
    model = MODELS.build(our_config(image_encoder=encoder, pretrained=str(path)))
    model.init_weights()
    ours = named_tensors(model)
    assert ours.keys() == theirs.state_dict().keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.state_dict().items())


def test_lora_has_its_base_as_soon_as_it_is_built_and_starts_as_the_plain_model(weights):
    theirs, path = weights
    tuned = dict(image_encoder=LORA, trainable=r'\.lora_|^mask_decoder\.')
    lora = MODELS.build(our_config(**tuned, pretrained=str(path))).eval()
    images = torch.randn(1, 3, 64, 64)
    plain = our_sam(theirs)
    torch.testing.assert_close(lora.extract_feat(images), plain.extract_feat(images))
    saved = lora.state_dict()
    assert {name.split('.')[0] for name in saved} == {
        'image_encoder',
        'prompt_encoder',
        'mask_decoder',
    }
    assert all('.lora_' in name for name in saved if name.startswith('image_encoder'))
    trained = {name for name, p in lora.named_parameters() if p.requires_grad}
    assert all('.lora_' in name or name.startswith('mask_decoder.') for name in trained)
    assert sum('.lora_' in name for name in trained) == 4  # two blocks, two matrices each


def test_another_image_size_resizes_positions_as_segment_anything_does_while_running(weights):
    """The relative ones of the global block; windows keep theirs."""
    theirs, path = weights
    encoder = dict(type='SAMImageEncoder', arch=TINY_SAM, img_size=96)
    model = MODELS.build(our_config(96, image_encoder=encoder, pretrained=str(path)))
    model.init_weights()
    ours, old = model.image_encoder, theirs.image_encoder
    assert ours.pos_embed.shape == (1, 6, 6, 16)
    resized = torch.nn.functional.interpolate(
        old.pos_embed.permute(0, 3, 1, 2), (6, 6), mode='bicubic'
    )
    torch.testing.assert_close(ours.pos_embed.data, resized.permute(0, 2, 3, 1))
    tokens = torch.randn(1, 6, 6, 16)
    for index in (0, 1):  # a block of windows, of 3×3, and the global one
        grid = tokens[:, :3, :3] if index == 0 else tokens
        found, expected = ours.blocks[index].attn(grid), old.blocks[index].attn(grid)
        torch.testing.assert_close(found, expected)
    assert torch.equal(ours.blocks[0].attn.rel_pos_h, old.blocks[0].attn.rel_pos_h)


@pytest.mark.parametrize('side', [64, 96])
def test_a_file_with_other_global_blocks_is_refused(side, weights):
    """Tables of windows are never made into those of the whole image, nor the other way round."""
    swapped = {**TINY_SAM, 'global_attn_indexes': (0,)}
    encoder = dict(type='SAMImageEncoder', arch=swapped, img_size=side)
    model = MODELS.build(our_config(side, image_encoder=encoder, pretrained=str(weights[1])))
    with pytest.raises(CheckpointError, match=r'4 have another shape.*blocks\.0\.attn\.rel_pos_h'):
        model.init_weights()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda s: s.pop('mask_decoder.iou_token.weight'), '1 tensors of the model are not in it'),
        (lambda s: s.update(extra=torch.zeros(1)), r'1 of its tensors have no place \(extra\)'),
        (
            lambda s: s.update({'image_encoder.neck.0.weight': torch.zeros(32, 24, 1, 1)}),
            r'1 have another shape \(image_encoder.neck.0.weight\)',
        ),
    ],
)
def test_a_file_of_another_model_is_refused_and_changes_nothing(change, message, weights, tmp_path):
    state = dict(weights[0].state_dict())
    change(state)
    torch.save(state, tmp_path / 'other.pth')
    model = MODELS.build(our_config(pretrained=str(tmp_path / 'other.pth')))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=message):
        model.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_metas_file_fills_a_model_with_an_object_score_and_leaves_that_alone(weights):
    model = MODELS.build(our_config(pretrained=str(weights[1]), object_score={}))
    score = {n: v.clone() for n, v in model.state_dict().items() if n.startswith(OBJECT_PARTS)}
    model.init_weights()
    state, expected = model.state_dict(), weights[0].state_dict()
    assert len(score) == len(state) - len(expected) == 7
    assert all(torch.equal(state[name], value) for name, value in {**expected, **score}.items())


def test_a_file_with_an_object_score_fills_all_of_it_and_is_none_of_a_model_without(tmp_path):
    torch.manual_seed(1)
    trained = MODELS.build(our_config(object_score={}))
    path = tmp_path / 'scored.pth'
    torch.save(trained.state_dict(), path)
    model = MODELS.build(our_config(pretrained=str(path), object_score={}))
    model.init_weights()
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in trained.state_dict().items())
    with pytest.raises(CheckpointError, match=r'7 of its tensors have no place \(mask_decoder.obj'):
        MODELS.build(our_config(pretrained=str(path))).init_weights()


def test_a_training_with_an_object_score_may_start_from_a_checkpoint_without(weights):
    model = MODELS.build(our_config(object_score={}))
    checkpoint = {'state_dict': dict(weights[0].state_dict())}
    assert start_presence(checkpoint, model) == 7
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    assert start_presence({'state_dict': {}}, MODELS.build(our_config())) == 0


def test_a_missing_file_says_what_to_set():
    with pytest.raises(
        CheckpointError, match=r'nowhere\.pth: no such file\. Set model\.pretrained'
    ):
        MODELS.build(our_config(pretrained='nowhere.pth')).init_weights()
