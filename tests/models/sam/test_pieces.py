"""What SAM's attention in pieces holds at a time, and keeps."""

import torch

from mmseg_mammo.models.sam import pieces


def given(height, width, h, heads=3):
    shapes = (1, height, width, 3, heads, 4), (3, heads, 4), (h, h, 4), (h, h, 4)
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


def test_a_piece_has_as_many_scores_as_allowed(monkeypatch):
    """Windows of 16 patches have 256 scores a head; 1,000 hold a strip of one window, 3 heads."""
    sizes = []
    weigh = pieces._Workspace.weigh

    def watch(self, q, k, rows):
        sizes.append((len(q), q.shape[1], k.shape[1]))
        return weigh(self, q, k, rows)

    monkeypatch.setattr(pieces._Workspace, 'weigh', watch)
    for most, expected in (
        (1000, 4 * [(3, 16, 16)]),
        (300, 12 * [(1, 16, 16)]),
        (1536, 2 * [(6, 16, 16)]),
    ):
        monkeypatch.setattr(pieces, 'PIECE', most)
        sizes.clear()
        pieces.in_pieces(*given(8, 8, 4))
        assert sizes == expected
    monkeypatch.setattr(pieces, 'PIECE', 8 * 64)  # one row of eight queries at a time
    sizes.clear()
    pieces.in_pieces(*given(8, 8, 8))
    assert sizes == 24 * [(1, 8, 64)]


def test_inputs_and_output_alone_are_kept():
    kept = []
    pack = lambda tensor: kept.append(tensor.shape) or tensor
    tensors = given(8, 8, 8)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        mixed = pieces.in_pieces(*tensors)
    assert kept == [*(tensor.shape for tensor in tensors), mixed.shape]
