"""Label images: predicted masks as PNG files, in the format of mmseg's ``IoUMetric``."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from mmengine.dist import is_main_process

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png


def image_identity(sample: Mapping[str, Any]) -> tuple[str, str]:
    """The pair (source, image) of a sample; for a sample from no index, ('', its path)."""
    return sample.get('source', ''), sample.get('image') or str(sample.get('img_path', ''))


def label_names(keys: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """A file name for each image: its own with ``.png``, as in mmseg, if all of these differ.

    Otherwise all are called by their keys. Names that differ in capitals only do not differ, as
    on some file systems.

    Args:
        keys: The key of each (source, image); see :func:`.image_keys`.
    """
    stems = {pair: PurePosixPath(pair[1]).stem for pair in keys}
    clear = len(Counter(stem.casefold() for stem in stems.values())) == len(stems)
    return {pair: f'{stems[pair] if clear else key}.png' for pair, key in keys.items()}


class LabelImages:
    """A folder of masks: PNG of 8 bits, 0 background and 1 lesion, each on its image's own grid.

    Several processes write below hidden names; the main one renames when all images are known.

    Args:
        folder: New or empty; made if need be.

    Raises:
        MammoError: There is something in it, or it is a file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not is_main_process():
            return
        if self.folder.exists() and not self.folder.is_dir():
            raise MammoError(f'{folder}: a file, and to be a folder of label images')
        self.folder.mkdir(parents=True, exist_ok=True)
        if found := sorted(p.name for p in self.folder.iterdir() if not p.name.startswith('.')):
            raise MammoError(
                f'{folder}: label images are to be written there, and it holds {found[0]}',
                'a new or empty folder',
                'Name another one with --out, or clear it',
            )

    def write(self, sample: Mapping[str, Any], mask: np.ndarray) -> None:
        """Write a predicted mask, H×W bool on the image's own grid."""
        write_png(self._hidden_path(image_identity(sample)), mask.astype(np.uint8))

    def finish(self, keys: Mapping[tuple[str, str], str]) -> None:
        """Give the images their names; see :func:`label_names`. For the main process."""
        for pair, name in label_names(keys).items():
            self._hidden_path(pair).replace(self.folder / name)

    def _hidden_path(self, pair: tuple[str, str]) -> Path:
        digest = hashlib.sha256('\n'.join(pair).encode()).hexdigest()[:16]
        return self.folder / f'.{digest}.png'
