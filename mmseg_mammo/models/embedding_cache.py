"""Embeddings of a frozen image encoder on disk: each image is encoded once."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from mmseg_mammo.preparation.images import write_atomic


def image_key(image: Tensor) -> str:
    """SHA-256 of the shape and the values of one normalised image, as hexadecimal digits."""
    values = image.detach().float().cpu().contiguous().numpy()
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


class EmbeddingCache:
    """A folder of embeddings, shared by splits, runs and processes.

    Files are float32, so that what comes back is bit for bit what went in: 4 MiB for an image of
    1024² (256×64×64), twice the size of float16. They are written aside and renamed; one that
    cannot be read, or whose CRC-32 is wrong, is made again.

    Args:
        folder: Made when first written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def embed(self, images: Tensor, encoder_mark: str, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """Read what is there, make and write what is not.

        Args:
            images: B×3×H×W, normalised.
            encoder_mark: Names the weights and the number format of the encoder; a subfolder.
            encode: B'×3×H×W -> B'×C×h×w; called with the images that are not there.

        Returns:
            B×C×h×w float32, without gradient, on the device of ``images``.
        """
        paths = [self.folder / encoder_mark / f'{image_key(image)}.npz' for image in images]
        found = [_read(path) for path in paths]
        missing = [index for index, embedding in enumerate(found) if embedding is None]
        if missing:
            with torch.no_grad():
                made = encode(images[missing]).float()
            for index, embedding in zip(missing, made, strict=True):
                found[index] = embedding
                _write(paths[index], embedding)
        return torch.stack([e.to(images.device) for e in found if e is not None])


def _read(path: Path) -> Tensor | None:
    try:
        with np.load(path) as archive:
            return torch.from_numpy(archive['embedding'])
    # Missing, or broken in one of the many ways in which archives are: it is made again.
    except Exception:
        return None


def _write(path: Path, embedding: Tensor) -> None:
    def write(stream: IO[bytes]) -> None:
        np.savez(stream, embedding=embedding.cpu().numpy())

    write_atomic(path, write)
