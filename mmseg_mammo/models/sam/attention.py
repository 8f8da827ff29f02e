"""SAM's attention with decomposed relative position, in forms that keep no matrix of all pairs.

Shape shorthand: B images, H×W patches of one, windows of h×w patches (a global layer has a single one, of
all patches), n heads of width d. The score of query i and key j of a window is ``q_i·k_j / √d +
q_i·rows[y_i, y_j] + q_i·columns[x_i, x_j]`` (Li et al., MViTv2, 2022, section 4.1).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.sam.pieces import in_pieces
from mmseg_mammo.models.tracing import is_traced

MOST_WITH_BIAS = 1024  # patches of a window: the bias of a global layer of 1024² would be 1 GiB


def attend(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor, form: str = 'auto') -> Tensor:
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
        cpu = qkv.device.type == 'cpu' and not is_traced()
        form = 'pieces' if exact and cpu else 'flash'
    return FORMS[form](qkv, blank, rows, columns)


def check_form(form: str) -> None:
    """Refuse a form of attention that does not exist."""
    if form != 'auto' and form not in FORMS:
        raise MammoError(f'attention={form!r} of SAMImageEncoder', f'auto, {", ".join(FORMS)}')


def in_one_kernel(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """As :func:`attend`, by torch's flash kernel.

    Both additions to a score are inner products of something known of the query with a one-hot
    code of the key's row or column. So queries and keys grow by h + w channels, values by as many
    zeros.
    """
    height, width, depth = len(rows), len(columns), qkv.shape[-1]
    q, k, v = _cut(qkv, blank, height, width)
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
    mixed = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :depth]
    return _join(mixed, qkv.shape[:3], height, width)


def with_a_bias(qkv: Tensor, blank: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """As :func:`attend`, by torch's kernel for a bias; by flash where a window has more than 1,024 patches.

    The bias of a window of 14×14 patches is three times as large as one of its queries, keys or
    values of 64 channels, and is kept.
    """
    height, width = len(rows), len(columns)
    if height * width > MOST_WITH_BIAS:
        return in_one_kernel(qkv, blank, rows, columns)
    q, k, v = _cut(qkv, blank, height, width)
    grid = q.unflatten(2, (height, width))
    by_row = torch.einsum('bnhwc,hkc->bnhwk', grid, rows)
    by_column = torch.einsum('bnhwc,wkc->bnhwk', grid, columns)
    bias = (by_row[..., None] + by_column[..., None, :]).flatten(4).flatten(2, 3)
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q))
    return _join(mixed, qkv.shape[:3], height, width)


FORMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    'pieces': in_pieces,
    'flash': in_one_kernel,
    'bias': with_a_bias,
}


def _cut(qkv: Tensor, blank: Tensor, h: int, w: int) -> tuple[Tensor, ...]:
    """Queries, keys and values of all windows, each (B·windows)×n×(h·w)×d."""
    batch, height, width, _, heads, depth = qkv.shape
    down, right = (h - height % h) % h, (w - width % w) % w  # ONNX divides no negative numbers
    blank = blank.to(qkv)
    if right:
        qkv = torch.cat([qkv, blank.expand(batch, height, right, -1, -1, -1)], 2)
    if down:
        qkv = torch.cat([qkv, blank.expand(batch, down, width + right, -1, -1, -1)], 1)
    # Reshaped with -1 for the batch, which an exported model leaves open.
    grid = qkv.reshape(-1, (height + down) // h, h, (width + right) // w, w, 3, heads, depth)
    parts = grid.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(3, -1, heads, h * w, depth)
    return parts.unbind(0)


def _join(mixed: Tensor, shape: tuple[int, ...], h: int, w: int) -> Tensor:
    """The inverse of :func:`_cut` for one of the three: B×H×W×n×d."""
    height, width = shape[1:3]
    heads, depth = mixed.shape[1], mixed.shape[3]
    down, right = (height + h - 1) // h, (width + w - 1) // w
    grid = mixed.reshape(-1, down, right, heads, h, w, depth).permute(0, 1, 4, 2, 5, 3, 6)
    return grid.reshape(-1, down * h, right * w, heads, depth)[:, :height, :width]
