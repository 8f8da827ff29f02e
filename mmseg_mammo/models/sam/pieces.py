"""SAM's attention a piece at a time, which CPUs are fastest at.

Shape shorthand as in :mod:`.attention`: B×H×W×3×n×d queries, keys and values, windows of h×w patches.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Scores that exist at one time: 4 MiB in float32. A quarter and four times as many were slower on
# the machine of docs/benchmark.md, by 5 to 15 %.
PIECE = 2**20


def in_pieces(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Attention as :func:`.attend` has it; the same arguments.

    A part of the scores exists at a time, small enough for the processor's cache, and the backward
    pass makes it again. Kept are the inputs and the output alone.
    """
    return _Pieces.apply(qkv, blank, rows, columns)


class _Place(NamedTuple):
    """A strip of neighbouring windows: an image, its rows and columns of patches, and some heads."""

    image: int
    ys: slice
    xs: slice
    heads: slice


class _Pieces(torch.autograd.Function):
    """Softmax attention of a strip of windows and some rows of its queries at a time."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        mixed = torch.empty_like(qkv[..., 0, :, :], memory_format=torch.contiguous_format)
        work = _Workspace(qkv, rows, columns)
        for place in work.places(qkv):
            q, k, v = work.gather(qkv, blank, place)
            found = torch.empty_like(q)
            for queries, lines in work.pieces(len(q)):
                weights = work.weigh(q[:, queries], k, rows[lines])
                torch.bmm(weights, v, out=found[:, queries])
            work.scatter(found[None], mixed.unsqueeze(3), place)
        ctx.save_for_backward(qkv, blank, rows, columns, mixed)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        qkv, blank, rows, columns, mixed = ctx.saved_tensors
        to_qkv = torch.empty_like(qkv, memory_format=torch.contiguous_format)
        to_blank, to_rows, to_columns = (torch.zeros_like(t) for t in (blank, rows, columns))
        nothing = torch.zeros_like(blank[:1])
        work = _Workspace(qkv, rows, columns)
        for place in work.places(qkv):
            given = work.gather(qkv, blank, place)
            (above,) = work.gather(gradient.unsqueeze(3), nothing, place)
            (own,) = work.gather(mixed.unsqueeze(3), nothing, place)
            common = own.mul_(above).sum(-1, keepdim=True)  # of the softmax's derivative
            found = torch.empty_like(given)
            for queries, lines in work.pieces(len(above)):
                part = above[:, queries], common[:, queries]
                to_row, to_column = work.go_back(given, found, part, queries, rows[lines])
                to_rows[lines] += to_row
                to_columns += to_column
            work.scatter(found, to_qkv, place, to_blank)
        return to_qkv, to_blank, to_rows, to_columns


class _Workspace:
    """Two blocks for scores, used again and again: to ask for new pages costs as much as the work."""

    def __init__(self, qkv: Tensor, rows: Tensor, columns: Tensor) -> None:
        self.columns = columns
        self.size = len(rows), len(columns)
        self.scale = qkv.shape[-1] ** -0.5
        self.blocks = qkv.new_empty(2, max(PIECE, len(rows) * len(columns) ** 2))

    def places(self, qkv: Tensor) -> Iterator[_Place]:
        """The strips, of as many windows and heads as a piece can hold."""
        batch, height, width, _, heads, _ = qkv.shape
        h, w = self.size
        most = max(1, PIECE // (h * w) ** 2)
        group, strip = min(heads, most), max(1, most // heads) * w
        for image in range(batch):
            for y in range(0, height, h):
                for x in range(0, width, strip):
                    for head in range(0, heads, group):
                        ys, xs = slice(y, min(y + h, height)), slice(x, min(x + strip, width))
                        yield _Place(image, ys, xs, slice(head, min(head + group, heads)))

    def pieces(self, count: int) -> Iterator[tuple[slice, slice]]:
        """Queries, and their lines in a window, of which ``count`` windows and heads fit a block."""
        h, w = self.size
        step = max(1, PIECE // (count * h * w * w))
        for y in range(0, h, step):
            stop = min(y + step, h)
            yield slice(y * w, stop * w), slice(y, stop)

    def gather(self, source: Tensor, blank: Tensor, place: _Place) -> Tensor:
        """What B×H×W×m×n×d has there: m×(windows·heads)×(h·w)×d."""
        windows = _windows(source, place, self.size[1])
        shape = len(blank), len(windows), windows[0].shape[1], *self.size, source.shape[-1]
        found = source.new_empty(shape)
        for index, window in enumerate(windows):
            height, width = window.shape[2:4]
            if (height, width) != self.size:
                found[:, index] = blank[:, place.heads, None, None]
            found[:, index, :, :height, :width] = window
        return found.flatten(3, 4).flatten(1, 2)

    def scatter(
        self, found: Tensor, target: Tensor, place: _Place, beyond: Tensor | None = None
    ) -> None:
        """The inverse of :meth:`gather`; ``beyond``, m×n×d, is given what lies outside the image."""
        windows = _windows(target, place, self.size[1])
        parts = found.unflatten(2, self.size).unflatten(1, (len(windows), -1))
        for index, window in enumerate(windows):
            height, width = window.shape[2:4]
            part = parts[:, index]
            window.copy_(part[:, :, :height, :width])
            if beyond is not None and (height, width) != self.size:
                outside = part[:, :, height:].sum((2, 3)) + part[:, :, :height, width:].sum((2, 3))
                beyond[:, place.heads] += outside

    def weigh(self, q: Tensor, k: Tensor, rows: Tensor) -> Tensor:
        """The softmax of the scores, in the second block; the first is free afterwards."""
        (h, w), shape = self.size, (len(q), q.shape[1], k.shape[1])
        scores, weights = self.blocks[:, : shape[0] * shape[1] * shape[2]].unflatten(1, shape)
        grid = q.unflatten(1, (-1, w))
        by_row = torch.einsum('bhwc,hkc->bhwk', grid, rows)
        by_column = torch.einsum('bhwc,wkc->bhwk', grid, self.columns)
        sums = scores.unflatten(2, (h, w)).unflatten(1, (-1, w))
        torch.add(by_row[..., None], by_column[..., None, :], out=sums)
        torch.baddbmm(scores, q, k.transpose(1, 2), alpha=self.scale, out=scores)
        return torch._softmax(scores, -1, False, out=weights)

    def go_back(
        self,
        given: Tensor,
        found: Tensor,
        above: tuple[Tensor, Tensor],
        queries: slice,
        rows: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Add the gradients of a piece to ``found``; return those of ``rows`` and of the columns."""
        gradient, common = above
        q, k, v = given[0, :, queries], given[1], given[2]
        to_q, to_k, to_v = found[0, :, queries], found[1], found[2]
        weights = self.weigh(q, k, rows)
        beta = 1 if queries.start else 0  # the first piece finds nothing there
        torch.baddbmm(to_v, weights.transpose(1, 2), gradient, beta=beta, out=to_v)
        scores = self.blocks[0, : weights.numel()].view_as(weights)
        torch.bmm(gradient, v.transpose(1, 2), out=scores).sub_(common).mul_(weights)
        torch.baddbmm(to_k, scores.transpose(1, 2), q, beta=beta, alpha=self.scale, out=to_k)
        w = self.size[1]
        pairs = scores.unflatten(2, self.size).unflatten(1, (-1, w))
        by_row, by_column, grid = pairs.sum(-1), pairs.sum(-2), q.unflatten(1, (-1, w))
        own = torch.einsum('bhwk,hkc->bhwc', by_row, rows)
        own = own + torch.einsum('bhwk,wkc->bhwc', by_column, self.columns)
        to_q.copy_(own.flatten(1, 2).baddbmm(scores, k, alpha=self.scale))
        to_rows = torch.einsum('bhwk,bhwc->hkc', by_row, grid)
        return to_rows, torch.einsum('bhwk,bhwc->wkc', by_column, grid)


def _windows(source: Tensor, place: _Place, width: int) -> tuple[Tensor, ...]:
    """Views m×heads×height×width×d of the windows of a strip of B×H×W×m×n×d."""
    strip = source[place.image, place.ys, place.xs, :, place.heads]
    return strip.permute(2, 3, 0, 1, 4).split(width, 3)
