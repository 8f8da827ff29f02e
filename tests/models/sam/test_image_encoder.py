"""Our encoder of SAM against segment-anything's: output, gradients, state dict."""

import pytest
import torch
from experiments import TINY_SAM
from sam_models import meta_encoder
from segment_anything import sam_model_registry

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models import SAMImageEncoder
from mmseg_mammo.models.sam.attention import FORMS
from mmseg_mammo.models.sam.image_encoder import ARCHS

NAMES = {'base': 'vit_b', 'large': 'vit_l', 'huge': 'vit_h'}


def pair(side, checkpointing=False, **arch):
    torch.manual_seed(0)
    theirs = meta_encoder(side, **arch)
    ours = SAMImageEncoder(arch={**TINY_SAM, **arch}, img_size=side, checkpointing=checkpointing)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def distance(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


# Windows of 3×3 padded, whole windows of 2×2, one window only, and more heads than two.
@pytest.mark.parametrize(
    ('side', 'arch'),
    [
        (64, {}),
        (128, dict(window_size=2)),
        (96, dict(window_size=14, num_heads=4)),
        (112, dict(depth=3, global_attn_indexes=(0, 2))),
    ],
)
def test_output_and_gradients_are_those_of_segment_anything(side, arch):
    images = torch.randn(2, 3, side, side)
    ends = []
    for encoder in pair(side, **arch):
        inputs = images.clone().requires_grad_()
        output = encoder(inputs)
        # A plain sum would have no gradient behind the last layer norm.
        weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
        (output * weights).sum().backward()
        gradients = {name: p.grad for name, p in encoder.named_parameters()}
        ends.append({'output': output, 'image': inputs.grad, **gradients})
    ours, theirs = ends
    assert all(distance(ours[name], theirs[name]) < 1e-5 for name in theirs)


def test_the_output_at_the_size_of_the_experiments_is_that_of_segment_anything():
    """1024², windows of 14×14: 64×64 patches in a global block, and padded windows."""
    arch = dict(embed_dim=32, depth=2, num_heads=1, global_attn_indexes=(1,), window_size=14)
    images = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, theirs = (encoder(images) for encoder in pair(1024, **arch))
    assert ours.shape == (1, 32, 64, 64)
    assert distance(ours, theirs) < 1e-5


def test_attention_is_computed_by_the_form_of_the_config():
    images = torch.randn(1, 3, 64, 64)
    encoder = pair(64)[0]
    outputs = []
    for form in FORMS:
        for block in encoder.blocks:
            block.attn.form = form
        outputs.append(encoder(images))
    assert not torch.equal(outputs[0], outputs[1])  # they round in different ways
    assert all(distance(output, outputs[0]) < 1e-5 for output in outputs)
    named = SAMImageEncoder(arch=TINY_SAM, img_size=64, attention='flash')
    assert {block.attn.form for block in named.blocks} == {'flash'}
    with pytest.raises(MammoError, match=r"attention='quick'.*auto, pieces, flash, bias"):
        SAMImageEncoder(arch=TINY_SAM, img_size=64, attention='quick')


def test_patches_beyond_the_border_are_not_computed():
    """4×4 patches in windows of 3×3, which segment-anything fills up to 6×6 first."""
    rows = []
    for encoder in pair(64, window_size=3):
        seen = []
        encoder.blocks[0].attn.proj.register_forward_hook(
            lambda _, given, __, seen=seen: seen.append(given[0].numel() // 16)
        )
        encoder(torch.randn(1, 3, 64, 64))
        rows += seen
    assert rows == [16, 36]


def test_no_matrix_of_all_pairs_is_kept_for_the_backward_pass():
    """16×16 patches are 65,536 pairs in each of two heads; segment-anything keeps such matrices."""
    largest = []
    for encoder in pair(256):
        sizes = []
        pack = lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            encoder.blocks[1].attn(torch.randn(1, 16, 16, 16, requires_grad=True))
        largest.append(max(sizes))
    ours, theirs = largest
    assert theirs == 2 * 256**2
    assert ours <= 2 * 256 * (8 + 16 + 16)  # queries, of eight channels and two codes


def test_checkpointing_changes_nothing_but_what_is_kept():
    images, ends = torch.randn(1, 3, 64, 64), []
    for checkpointing in (False, True):
        encoder = pair(64, checkpointing)[0].train()
        output = encoder(images)
        output[0, :, 1, 2].square().sum().backward()
        ends.append([output.detach(), *(p.grad for p in encoder.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_checkpointing_keeps_nothing_of_a_block_but_its_input():
    """4×4 patches of 16 channels; two blocks more."""
    growth = []
    for checkpointing in (False, True):
        kept = []
        for depth in (2, 4):
            encoder, sizes = pair(64, checkpointing, depth=depth)[0].train(), []
            pack = lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                encoder(torch.randn(1, 3, 64, 64))
            kept.append(sum(sizes))
        growth.append(kept[1] - kept[0])
    assert growth[0] > 20 * growth[1]
    assert growth[1] == 2 * 4 * 4 * 16


def test_bfloat16_stays_close_to_float32():
    ours, theirs = pair(64)
    images = torch.randn(1, 3, 64, 64)
    with torch.autocast('cpu', dtype=torch.bfloat16), torch.no_grad():
        half = ours(images)
        theirs_half = theirs(images)
    full = theirs(images)
    error = distance(theirs_half.float(), full)
    assert 0 < distance(half.float(), full) < 2 * error < 0.2


@pytest.mark.parametrize('arch', ARCHS)
def test_the_named_sizes_are_metas(arch):
    with torch.device('meta'):
        ours, theirs = SAMImageEncoder(arch=arch), sam_model_registry[NAMES[arch]]().image_encoder
    shapes = [{name: t.shape for name, t in e.state_dict().items()} for e in (ours, theirs)]
    assert shapes[0] == shapes[1]
    windows = [[block.window_size for block in e.blocks] for e in (ours, theirs)]
    assert windows[0] == windows[1]


def test_an_unknown_size_and_another_input_are_refused():
    with pytest.raises(MammoError, match=r"arch='tiny'.*base, large, huge"):
        SAMImageEncoder(arch='tiny')
    with pytest.raises(MammoError, match='img_size=1000'):
        SAMImageEncoder(arch=TINY_SAM, img_size=1000)
    with pytest.raises(MammoError, match=r'an input of 64×48 pixels.*Allowed: 64×64'):
        SAMImageEncoder(arch=TINY_SAM, img_size=64)(torch.zeros(1, 3, 64, 48))
