"""Handing batches over from loading processes: one shared memory for all tensors of a batch."""

import io
import math
import pickle
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from torch.utils.data import get_worker_info

_ALIGNED = 64  # bytes, as torch places tensors itself
_GAP = torch.zeros(_ALIGNED, dtype=torch.uint8)


@FUNCTIONS.register_module()
def packed_collate(data_batch: Sequence) -> Any:
    """The batch that mmengine's ``pseudo_collate`` makes, cheaper to hand over to the training.

    torch puts each tensor of a batch into a shared-memory file of its own, and asks the loading process
    for it over a socket: two files an image. Here a batch has one file, and all that is no tensor
    travels beside it as it is pickled.

    Where it arrives, the batch is that of ``pseudo_collate``, bit for bit: the same classes, and tensors
    of any shape and dtype, so that pinning and training are as ever. They lie in one memory, which stays
    until the last of them is gone.

    Args:
        data_batch: Samples of a data set.

    Returns:
        In a loading process what arrives as the batch; elsewhere the batch.
    """
    batch = pseudo_collate(data_batch)
    return batch if get_worker_info() is None else _Parcel(batch)


class _Place(NamedTuple):
    """Where a tensor lies in the memory of its batch."""

    dtype: torch.dtype
    shape: torch.Size
    offset: int


class _Packer(ForkingPickler):
    """Pickles what is no tensor, as processes do between each other, and collects the tensors."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.tensors: list[torch.Tensor] = []
        self._known: dict[int, int] = {}

    def persistent_id(self, item: Any) -> int | None:
        """The number of a tensor, the same wherever a batch names it again; None for all else."""
        if not isinstance(item, torch.Tensor):
            return None
        number = self._known.setdefault(id(item), len(self.tensors))
        if number == len(self.tensors):
            self.tensors.append(item)
        return number


class _Unpacker(pickle.Unpickler):
    """Puts the tensors back."""

    def __init__(self, file: io.BytesIO, tensors: Sequence[torch.Tensor]) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_load(self, number: int) -> torch.Tensor:
        """The tensor of this number."""
        return self._tensors[number]


class _Parcel:
    """A batch on its way; pickled here, it is the batch itself where it is unpickled."""

    def __init__(self, batch: Any) -> None:
        file = io.BytesIO()
        packer = _Packer(file)
        packer.dump(batch)
        self.rest = file.getvalue()
        self.places: list[_Place | torch.Tensor] = []
        pieces, end = [_GAP[:0]], 0
        for tensor in packer.tensors:
            if not _is_plain(tensor):
                self.places.append(tensor)
                continue
            self.places.append(_Place(tensor.dtype, tensor.shape, end))
            piece = tensor.reshape(-1).view(torch.uint8)
            gap = -len(piece) % _ALIGNED
            pieces += [piece, _GAP[:gap]]
            end += len(piece) + gap
        self.memory = torch.cat(pieces)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack, (self.rest, self.memory, self.places)


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether dtype, shape and bytes are all there is to it."""
    return (
        type(tensor) is torch.Tensor
        and tensor.device.type == 'cpu'
        and tensor.layout is torch.strided
        and tensor.numel() > 0
        and tensor.is_contiguous()
        and not (tensor.requires_grad or tensor.is_quantized)
        and not (tensor.is_complex() or tensor.is_neg())
    )


def _unpack(rest: bytes, memory: torch.Tensor, places: Sequence[_Place | torch.Tensor]) -> Any:
    """The batch of a parcel.

    Each tensor gets a storage of its own inside the memory, so that a copy or a file of one has not
    those of the whole batch.
    """
    whole = memory.numpy()
    tensors = [
        torch.frombuffer(
            whole, dtype=place.dtype, count=math.prod(place.shape), offset=place.offset
        ).view(place.shape)
        if isinstance(place, _Place)
        else place
        for place in places
    ]
    return _Unpacker(io.BytesIO(rest), tensors).load()
