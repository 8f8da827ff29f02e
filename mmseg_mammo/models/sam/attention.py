"""SAM's attention with decomposed relative position, in forms that store no matrix of all pairs.

Shape shorthand: B images, H×W patches of one, windows of h×w patches (a global layer has one, of all
patches), n heads of width d. The score of query i and key j of a window is ``q_i·k_j / √d + q_i·rows[y_i,
y_j] + q_i·columns[x_i, x_j]`` (Li et al., MViTv2, 2022, section 4.1).
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmseg_mammo.errors import MammoError

# Scores that exist at one time: 4 MiB in float32, which caches hold. Measured: docs/benchmark.md.
PIECE = 2**20


def attend(
    qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor, form: str = 'auto'
) -> Tensor:
    """Softmax attention inside windows, which are as large as the relative positions say.

    Args:
        qkv: B×H×W×3×n×d queries (not scaled), keys and values.
        blank: 3×n×d, those of a patch beyond the border, which fills up windows.
        rows: h×h×d embedding of each pair of rows (query, key) of a window.
        columns: w×w×d, the same of columns.
        form: One of :data:`FORMS`, or ``'auto'``: ``'pieces'`` for float32 and float64 on a CPU,
            ``'flash'`` elsewhere.

    Returns:
        B×H×W×n×d.
    """
    if form == 'auto':
        exact = qkv.dtype in (torch.float32, torch.float64)
        form = 'pieces' if exact and qkv.device.type == 'cpu' else 'flash'
    return FORMS[form](qkv, blank, rows, columns)


def check_form(form: str) -> None:
    """Refuse a form of attention that there is not."""
    if form != 'auto' and form not in FORMS:
        raise MammoError(f'attention={form!r} of SAMImageEncoder', f'auto, {", ".join(FORMS)}')


class _Pieces(torch.autograd.Function):
    """Attention of some heads and rows of queries at a time; the backward pass makes them again."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        mixed = torch.empty_like(qkv[..., 0, :, :], memory_format=torch.contiguous_format)
        work = _Workspace(qkv, rows, columns)
        for place in _places(qkv, rows, columns):
            q, k, v = given = _gather(qkv, blank, place, rows, columns)
            found = torch.empty_like(q)
            for one, lines in _lines(q, rows, columns):
                found[:, one] = work.weigh(q[:, one], k, rows[lines]) @ v
            _scatter(found[None], mixed.unsqueeze(3), place, rows, columns)
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
        for place in _places(qkv, rows, columns):
            given = _gather(qkv, blank, place, rows, columns)
            (g,) = _gather(gradient.unsqueeze(3), nothing, place, rows, columns)
            (m,) = _gather(mixed.unsqueeze(3), nothing, place, rows, columns)
            share = m.mul_(g).sum(-1, keepdim=True)
            found = torch.empty_like(given)
            for one, lines in _lines(g, rows, columns):
                work.go_back(g[:, one], share[:, one], given, found, one, rows[lines], to_rows[lines], to_columns)
            _scatter(found, to_qkv, place, rows, columns, to_blank)
        return to_qkv, to_blank, to_rows, to_columns


class _Workspace:
    """Two blocks of memory for scores, used again and again: fresh pages would cost as much as the work."""

    def __init__(self, qkv, rows, columns):
        self.columns = columns
        self.scale = qkv.shape[-1] ** -0.5
        most = max(PIECE, len(rows) * len(columns)**2)
        self.blocks = qkv.new_empty(2, most)

    def weigh(self, q: Tensor, k: Tensor, rows: Tensor) -> Tensor:
        shape = (len(q), q.shape[1], k.shape[1])
        self.scores, self.weights = self.blocks[:, : shape[0] * shape[1] * shape[2]].unflatten(1, shape).unbind()
        h, w = len(k[0]) // len(self.columns), len(self.columns)
        grid = q.unflatten(1, (-1, w))
        by_row = torch.einsum('bhwc,hkc->bhwk', grid, rows)
        by_column = torch.einsum('bhwc,wkc->bhwk', grid, self.columns)
        sums = self.scores.unflatten(2, (h, w)).unflatten(1, (-1, w))
        torch.add(by_row[..., None], by_column[..., None, :], out=sums)
        torch.baddbmm(self.scores, q, k.transpose(1, 2), alpha=self.scale, out=self.scores)
        return torch._softmax(self.scores, -1, False, out=self.weights)

    def go_back(self, g, share, given, found, one, rows, to_rows, to_columns):
        q, k, v = given[0][:, one], given[1], given[2]
        weights = self.weigh(q, k, rows)
        scores = self.scores
        more = {'beta': 1 if one.start else 0}
        torch.baddbmm(found[2], weights.transpose(1, 2), g, out=found[2], **more)
        torch.bmm(g, v.transpose(1, 2), out=scores)
        scores.sub_(share).mul_(weights)
        torch.baddbmm(found[1], scores.transpose(1, 2), q, alpha=self.scale, out=found[1], **more)
        w = len(self.columns)
        pairs = scores.unflatten(2, (-1, w)).unflatten(1, (-1, w))
        by_row, by_column = pairs.sum(-1), pairs.sum(-2)
        grid = q.unflatten(1, (-1, w))
        to_q = found[0][:, one]
        to_q.unflatten(1, (-1, w)).copy_(torch.einsum('bhwk,hkc->bhwc', by_row, rows))
        to_q.unflatten(1, (-1, w)).add_(torch.einsum('bhwk,wkc->bhwc', by_column, self.columns))
        torch.baddbmm(to_q, scores, k, alpha=self.scale, out=to_q)
        to_rows += torch.einsum('bhwk,bhwc->hkc', by_row, grid)
        to_columns += torch.einsum('bhwk,bhwc->wkc', by_column, grid)


Place = tuple[int, slice, slice, slice]


def _places(qkv: Tensor, rows: Tensor, columns: Tensor) -> Iterator[tuple]:
    """Image, heads, and the patches of a strip of windows."""
    batch, height, width, _, heads, _ = qkv.shape
    h, w = len(rows), len(columns)
    at_once = max(1, PIECE // (h * w) ** 2)
    group = min(heads, at_once)
    strip = max(1, at_once // heads) * w
    for image in range(batch):
        for y in range(0, height, h):
            for x in range(0, width, strip):
                for head in range(0, heads, group):
                    yield (
                        image,
                        slice(y, min(y + h, height)),
                        slice(head, min(head + group, heads)),
                        slice(x, min(x + strip, width)),
                    )


def _gather(source, blank, place, rows, columns):
    image, ys, heads, xs = place
    h, w = len(rows), len(columns)
    strip = source[image, ys, xs, :, heads].permute(2, 3, 0, 1, 4)
    windows = strip.split(w, 3)
    found = strip.new_empty(len(strip), len(windows), strip.shape[1], h, w, strip.shape[4])
    for index, window in enumerate(windows):
        height, width = window.shape[2:4]
        if (height, width) != (h, w):
            found[:, index] = blank[:, heads, None, None]
        found[:, index, :, :height, :width] = window
    return found.flatten(3, 4).flatten(1, 2)


def _scatter(found, target, place, rows, columns, to_blank=None):
    image, ys, heads, xs = place
    h, w = len(rows), len(columns)
    strip = target[image, ys, xs, :, heads].permute(2, 3, 0, 1, 4)
    windows = strip.split(w, 3)
    found = found.unflatten(2, (h, w)).unflatten(1, (len(windows), -1))
    for index, window in enumerate(windows):
        height, width = window.shape[2:4]
        window.copy_(found[:, index, :, :height, :width])
        if to_blank is not None and (height, width) != (h, w):
            to_blank[:, heads] += found[:, index, :, height:].sum((2, 3))
            to_blank[:, heads] += found[:, index, :, :height, width:].sum((2, 3))


def _lines(q, rows, columns):
    w, count = len(columns), len(q) * q.shape[1]
    step = max(1, PIECE // (count * w))
    for y in range(0, len(rows), step):
        stop = min(y + step, len(rows))
        yield slice(y * w, stop * w), slice(y, stop)


def _pieces(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return _Pieces.apply(qkv, blank, rows, columns)


def _flash(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """One flash kernel: the additions are inner products with a one-hot code of the key's place."""
    windows, join = _windows(qkv, blank, len(rows), len(columns))
    q, k, v = windows
    height, width, depth = len(rows), len(columns), q.shape[-1]
    grid = q.unflatten(2, (height, width))
    by_row = torch.einsum('bnhwc,hkc->bnhwk', grid, rows).flatten(2, 3)
    by_column = torch.einsum('bnhwc,wkc->bnhwk', grid, columns).flatten(2, 3)
    row_code = torch.eye(height, device=q.device).to(q.dtype).repeat_interleave(width, 0)
    column_code = torch.eye(width, device=q.device).to(q.dtype).repeat(height, 1)
    code = torch.cat([row_code, column_code], dim=1).expand(*k.shape[:2], -1, -1)
    queries = torch.cat([q * depth**-0.5, by_row.to(q), by_column.to(q)], dim=-1)
    keys = torch.cat([k, code], dim=-1)
    surplus = -queries.shape[-1] % 8  # the kernels want a multiple of 8
    queries, keys = F.pad(queries, (0, surplus)), F.pad(keys, (0, surplus))
    values = F.pad(v, (0, queries.shape[-1] - depth))
    return join(F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :depth])


def _windows(qkv, blank, h, w):
    batch, height, width = qkv.shape[:3]
    down, right = -height % h, -width % w
    if right:
        qkv = torch.cat([qkv, blank.expand(batch, height, right, -1, -1, -1)], 2)
    if down:
        qkv = torch.cat([qkv, blank.expand(batch, down, width + right, -1, -1, -1)], 1)
    grid = qkv.unflatten(2, (-1, w)).unflatten(1, (-1, h))  # B×y×h×x×w×3×n×d
    q, k, v = grid.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(5, 6).flatten(1, 3).unbind(0)

    def join(mixed: Tensor) -> Tensor:
        mixed = mixed.unflatten(2, (h, w)).unflatten(0, (batch, (height + down) // h, -1))
        mixed = mixed.permute(0, 1, 4, 2, 5, 3, 6).flatten(3, 4).flatten(1, 2)
        return mixed[:, :height, :width]

    return (q, k, v), join


FORMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    'pieces': _pieces,
    'flash': _flash,
}
