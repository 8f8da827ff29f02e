"""Embedding cache: keeps the embeddings of a frozen image encoder on disk."""

import hashlib
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.models.peft.trainable import fingerprint


def image_key(image: Tensor) -> str:
    """SHA-256 of the shape and the values of one normalised image, as hexadecimal digits."""
    values = image.detach().float().cpu().contiguous().numpy()
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def cache_for(encoder: nn.Module, folder: str | None) -> 'EmbeddingCache | None':
    """The cache of a frozen encoder; None without a folder.

    Raises:
        MammoError: A parameter of the encoder is trained.
    """
    if folder is None:
        return None
    if any(parameter.requires_grad for parameter in encoder.parameters()):
        raise MammoError(
            f'embedding_cache={folder!r} beside an encoder that is trained',
            'a cache of an encoder of which nothing is trained',
            "Set embedding_cache=None, or train less, such as model.trainable='^mask_decoder'",
        )
    return EmbeddingCache(folder)


class EmbeddingCache:
    """A folder of embeddings, shared by splits, runs and processes.

    A file is named by the image (:func:`image_key`), the weights of the encoder and the number
    format that it computes in. It holds float32, so that what comes back is bit for bit what went
    in: 4 MiB for an image of 1024² (256×64×64), twice the size of float16. Files are written
    aside and renamed; one that cannot be read, or whose CRC-32 is wrong, is made again. CPUs and
    GPUs differ in the last digits: whoever encodes an image first decides.

    Args:
        folder: Made when first written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._seen: list[tuple[int, int]] = []
        self._mark = ''

    def embed(self, images: Tensor, encoder: nn.Module) -> Tensor:
        """Read what is there, make and write what is not.

        Args:
            images: B×3×H×W, normalised.
            encoder: B×3×H×W -> B×C×h×w, all of it frozen.

        Returns:
            B×C×h×w float32, without gradient, on the device of ``images``.
        """
        one = torch.ones(1, 1, device=images.device)
        number_format = str((one @ one).dtype).removeprefix('torch.')  # that of autocast, if on
        folder = self.folder / f'{self._mark_of(encoder)}-{number_format}'
        paths = [folder / f'{image_key(image)}.npz' for image in images]
        found = [_read(path) for path in paths]
        missing = [index for index, embedding in enumerate(found) if embedding is None]
        if missing:
            with torch.no_grad():
                made = encoder(images[missing]).float()
            for index, embedding in zip(missing, made, strict=True):
                found[index] = embedding
                _write(paths[index], embedding)
        return torch.stack([e.to(images.device) for e in found if e is not None])

    def recheck(self) -> None:
        """Compute the fingerprint anew: no version counts what was written through ``.data``."""
        self._seen = []

    def _mark_of(self, encoder: nn.Module) -> str:
        """Sixteen digits of the fingerprint of the weights, computed when they have changed."""
        seen = [(p.data_ptr(), p._version) for p in encoder.parameters()]
        if seen != self._seen:
            self._seen, self._mark = seen, fingerprint(encoder)[:16]
        return self._mark


def _read(path: Path) -> Tensor | None:
    try:
        with np.load(path) as archive:
            return torch.from_numpy(archive['embedding'])
    # Missing, or broken in one of the ways in which archives are: it is made again.
    except (OSError, EOFError, KeyError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return None


def _write(path: Path, embedding: Tensor) -> None:
    def write(stream: IO[bytes]) -> None:
        np.savez(stream, embedding=embedding.cpu().numpy())

    write_atomic(path, write)
