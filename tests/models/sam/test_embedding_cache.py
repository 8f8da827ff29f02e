"""Embeddings on disk: exact, named by image and weights, and made again when damaged."""

import pytest
import torch
from mmpretrain.models.peft.lora import LoRALinear
from torch import nn

from mmseg_mammo.models.sam.embedding_cache import EmbeddingCache, image_key


class Encoder(nn.Module):
    """A frozen convolution that counts the images it sees."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 4, 4).requires_grad_(False)
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return self.layer(images)


@pytest.fixture
def images():
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def files(folder):
    return sorted(folder.rglob('*.npz'))


def test_what_comes_back_is_bit_for_bit_what_went_in(images, tmp_path):
    encoder = Encoder()
    first = EmbeddingCache(tmp_path).embed(images, encoder)
    again = EmbeddingCache(tmp_path).embed(images.flip(0), encoder)  # another process, and order
    assert encoder.seen == 3
    assert torch.equal(first, encoder.layer(images))
    assert torch.equal(again, first.flip(0))
    assert first.dtype == torch.float32
    assert len(files(tmp_path)) == 3


def test_only_what_is_missing_is_made(images, tmp_path):
    encoder, cache = Encoder(), EmbeddingCache(tmp_path)
    cache.embed(images[1:2], encoder)
    mixed = cache.embed(images, encoder)
    assert encoder.seen == 1 + 2
    torch.testing.assert_close(mixed, encoder.layer(images))


@pytest.mark.parametrize('past_autograd', [False, True])
def test_other_weights_and_another_number_format_have_files_of_their_own(
    past_autograd, images, tmp_path
):
    encoder, cache = Encoder(), EmbeddingCache(tmp_path)
    old = cache.embed(images, encoder)
    if past_autograd:
        encoder.layer.bias.data.add_(1)  # no version counts it
        cache.recheck()
    else:
        with torch.no_grad():
            encoder.layer.bias += 1
    torch.testing.assert_close(cache.embed(images, encoder), old + 1)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = cache.embed(images, encoder)
    assert half.dtype == torch.float32
    assert 0 < (half - old - 1).abs().max() < 0.05
    assert len({path.parent for path in files(tmp_path)}) == 3
    assert encoder.seen == 9


def test_lora_of_another_scaling_has_files_of_its_own(images, tmp_path):
    """The same parameters, of which an output of 1 + alpha / rank · 1 is made."""
    ends = []
    for alpha in (2, 6):
        layer = LoRALinear(nn.Linear(8, 8, bias=False), alpha, rank=2)
        for parameter in layer.parameters():
            parameter.data.fill_(1)
        ends.append(EmbeddingCache(tmp_path).embed(images, layer.requires_grad_(False)))
    sums = images.sum(dim=-1, keepdim=True).expand_as(images)
    torch.testing.assert_close(ends[0], sums * (1 + 2 * 1))
    torch.testing.assert_close(ends[1], sums * (1 + 2 * 3))


def test_the_same_values_in_another_shape_are_another_image():
    image = torch.arange(24.0)
    assert image_key(image.view(3, 2, 4)) != image_key(image.view(3, 4, 2))
    assert image_key(image) == image_key(image.clone())
    image[3] += 1e-6
    assert image_key(image) != image_key(torch.arange(24.0))


@pytest.mark.parametrize('damage', ['short', 'empty', 'flipped', 'text'])
def test_a_damaged_file_is_made_again(damage, images, tmp_path):
    encoder, cache = Encoder(), EmbeddingCache(tmp_path)
    expected = cache.embed(images[:1], encoder)
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF  # inside the numbers
    damaged = {
        'short': bytes(content[:100]),
        'empty': b'',
        'flipped': bytes(content),
        'text': b'not an archive',
    }
    path.write_bytes(damaged[damage])
    assert torch.equal(cache.embed(images[:1], encoder), expected)
    assert encoder.seen == 2
    cache.embed(images[:1], encoder)
    assert encoder.seen == 2
