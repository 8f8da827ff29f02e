"""Each form of SAM's attention against the written-out softmax, and their derivatives."""

import io

import pytest
import torch

from mmseg_mammo.models.sam import attention, pieces
from mmseg_mammo.models.sam.attention import FORMS, attend


def tensors(height, width, h, w, dtype=torch.float64, heads=2, batch=2, depth=4):
    """Queries, keys and values of an image, of a patch beyond it, and relative positions."""
    torch.manual_seed(0)
    shapes = (
        (batch, height, width, 3, heads, depth),
        (3, heads, depth),
        (h, h, depth),
        (w, w, depth),
    )
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def written_out(qkv, blank, rows, columns):
    """Pair by pair, window by window."""
    batch, height, width, _, heads, depth = qkv.shape
    h, w = len(rows), len(columns)
    mixed = torch.empty_like(qkv[..., 0, :, :])
    inside = lambda y, x: y < height and x < width
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                top, left = y // h * h, x // w * w
                places = [(top + i, left + j) for i in range(h) for j in range(w)]
                for n in range(heads):
                    at = lambda y, x, b=b, n=n: (qkv[b, y, x] if inside(y, x) else blank)[:, n]
                    q = qkv[b, y, x, 0, n]
                    scores = torch.stack(
                        [
                            q @ at(*p)[1] / depth**0.5
                            + q @ rows[y - top, p[0] - top]
                            + q @ columns[x - left, p[1] - left]
                            for p in places
                        ]
                    )
                    values = torch.stack([at(*p)[2] for p in places])
                    mixed[b, y, x, n] = scores.softmax(0) @ values
    return mixed


# A global layer, windows that fit, windows that the border cuts, and one that is larger than all.
SIZES = [(2, 3, 2, 3), (4, 4, 2, 2), (4, 5, 3, 2), (2, 2, 3, 3)]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('form', FORMS)
def test_attention_is_the_softmax_of_the_written_out_scores(form, size):
    given = tensors(*size)
    torch.testing.assert_close(attend(*given, form=form), written_out(*given))


@pytest.mark.parametrize('piece', [1, 40, 2**20])
@pytest.mark.parametrize('size', SIZES)
def test_the_derivatives_in_pieces_are_those_of_small_differences(size, piece, monkeypatch):
    """However few scores a piece holds: a row of one head, some heads, all windows of an image."""
    monkeypatch.setattr(pieces, 'PIECE', piece)
    assert torch.autograd.gradcheck(pieces.in_pieces, tensors(*size, batch=1))


@pytest.mark.parametrize('size', SIZES)
def test_the_derivatives_of_all_forms_agree(size):
    found = []
    for form in FORMS:
        given = tensors(*size)
        attend(*given, form=form).square().sum().backward()
        blank = torch.zeros_like(given[1])  # without a gradient where nothing is filled up
        found.append([blank if t.grad is None else t.grad for t in given])
    for one in found[1:]:
        for ours, theirs in zip(one, found[0], strict=True):
            torch.testing.assert_close(ours, theirs)


def test_a_bias_of_all_pairs_is_left_to_windows(monkeypatch):
    given, largest = tensors(4, 4, 4, 4, depth=12), []
    for most in (16, 15):
        monkeypatch.setattr(attention, 'MOST_WITH_BIAS', most)
        sizes = []
        pack = lambda tensor, sizes=sizes: sizes.append(tensor.shape[-2:]) or tensor
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            attend(*given, form='bias')
        largest.append((16, 16) in sizes)
    assert largest == [True, False]


def test_pieces_are_taken_where_they_are_faster(monkeypatch):
    """float32 on a CPU; the flash kernel computes bfloat16 more exactly."""
    taken = []
    forms = {name: lambda *given, name=name: taken.append(name) for name in FORMS}
    monkeypatch.setattr(attention, 'FORMS', forms)
    for dtype in (torch.float32, torch.bfloat16):
        attend(*tensors(2, 2, 2, 2, dtype))
    assert taken == ['pieces', 'flash']


@pytest.mark.parametrize('form', FORMS)
def test_bfloat16_is_taken_by_all_forms(form):
    given = tensors(4, 5, 3, 2)
    half = [tensor.detach().bfloat16() for tensor in given]
    error = attend(*half, form=form).double() - attend(*given, form=form)
    assert attend(*half, form=form).dtype == torch.bfloat16
    assert 0 < error.abs().max() < 0.1


def test_a_trace_has_plain_operators_only():
    """In pieces a trace could not be saved, nor exported."""
    given = [tensor.detach() for tensor in tensors(4, 5, 3, 2)]
    traced, file = torch.jit.trace(attend, tuple(given)), io.BytesIO()
    torch.jit.save(traced, file)
    torch.testing.assert_close(traced(*given), attend(*given))
    assert 'scaled_dot_product_attention' in str(traced.graph)
