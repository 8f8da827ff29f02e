"""Output folder of a preparation: claims it, writes images and masks, records and counts them.

The output folder holds ``images/``, ``masks/``, ``index.csv`` and ``audit.csv``, and two files
for resuming: ``preparation.json`` (the options that change pixels) and ``progress.jsonl`` (see
:mod:`mmseg_mammo.preparation.journal`). H, W are height and width in pixels.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import PARTIAL_PREFIX, write_once
from mmseg_mammo.io.image import resize_image, resize_mask, scale_to_long_side, write_png
from mmseg_mammo.io.index import ANNOTATED, INDEX_NAME, OPTIONAL, SPLITS, Row
from mmseg_mammo.io.table import write_table

OPTIONS_NAME = 'preparation.json'
FORMAT = 2  # to be raised when the same options give other pixels
AUDIT_NAME = 'audit.csv'
PHANTOM_MARK = 'PHANTOM.txt'
# No lesion of CBIS-DDSM covers more than 0.29 of its image.
LARGE_LESION_SHARE, INVERTED_SHARE = 0.5, 0.9


@dataclass(frozen=True)
class Pair:
    """Facts of a written image and mask: the fields of :class:`Row` that come from pixels.

    ``mask`` is '' without a lesion; ``lesion_share`` is the fraction of the image that it
    covers before downscaling, ``mask_share`` that of the written mask, as a text of all digits.
    """

    image: str
    mask: str
    original_height: int
    original_width: int
    lesion_share: float
    mask_share: str = ''


def claim_folder(out: Path, options: Mapping[str, Any]) -> None:
    """Make ``out`` the folder of a preparation with these options, or check that it is.

    Args:
        out: The output folder; new, empty, or made by an earlier run with equal options.
        options: The name of the tool and the options that change pixels; JSON values.

    Raises:
        MammoError: ``out`` holds other files, or was made with other options.
    """
    options = {'format': FORMAT, **options}
    path = out / OPTIONS_NAME
    if not path.is_file():
        # Shards start at once: what is found here may be of one that has claimed it meanwhile.
        strange = out.is_file() or any(not p.name.startswith(PARTIAL_PREFIX) for p in out.glob('*'))
        if strange and not path.is_file():
            raise MammoError(
                f'{out} exists and was not made by a preparation tool',
                'a new or empty folder, or one to resume',
                'Choose another output folder',
            )
        text = json.dumps(dict(options), indent=1, sort_keys=True) + '\n'
        write_once(path, text.encode())
    earlier = json.loads(path.read_text())
    names = sorted({*earlier, *options})
    changed = [name for name in names if earlier.get(name) != options.get(name)]
    if changed:
        raise MammoError(
            f'{out} was prepared with other options: '
            + ', '.join(f'{n} was {earlier.get(n)!r}, is {options.get(n)!r}' for n in changed),
            remedy='Choose another output folder: this version makes other pixels of some files'
            if 'format' in changed
            else 'Choose another output folder, or repeat the earlier options to resume',
        )


def write_audit(
    out: Path,
    columns: Sequence[str],
    lines: Iterable[dict[str, Any]],
    refusal: MammoError | None,
) -> None:
    """Write ``audit.csv``, then raise ``refusal`` if there is one.

    ``audit.csv`` and ``index.csv`` always tell of the same run: a refused run writes no index,
    and so leaves the audit alone that stands beside the index of an earlier run.
    """
    keep = refusal is not None and (out / INDEX_NAME).is_file()
    if not keep:
        write_table(out / AUDIT_NAME, columns, lines)
    if refusal is not None:
        kept = f'{INDEX_NAME} and {AUDIT_NAME} of the earlier run are kept'
        raise type(refusal)(f'{refusal}\n{kept}') if keep else refusal


def write_pair(
    out: Path, name: str, image: np.ndarray, mask: np.ndarray | None, long_side: int
) -> Pair:
    """Write ``images/<name>.png`` and, if there is a lesion, ``masks/<name>.png`` (0 and 255).

    Args:
        out: The output folder.
        name: File stem.
        image: H×W, uint8 or uint16; its dtype is kept.
        mask: H×W bool, or None where nobody looked. Without any True pixel no file is written.
        long_side: Pixels of the longer side that both are shrunk to; 0 keeps full resolution.
    """
    shape = scale_to_long_side((image.shape[0], image.shape[1]), long_side)
    image_path, mask_path = f'images/{name}.png', f'masks/{name}.png'
    has_lesion = mask is not None and bool(mask.any())
    mask_share = ''
    if mask is not None and has_lesion:
        written = resize_mask(mask, shape)
        mask_share = repr(float(written.mean()))
        write_png(out / mask_path, written.astype(np.uint8) * 255)
    else:
        (out / mask_path).unlink(missing_ok=True)  # of an earlier version of the same input
    write_png(out / image_path, resize_image(image, shape))
    return Pair(
        image=image_path,
        mask=mask_path if has_lesion else '',
        original_height=image.shape[0],
        original_width=image.shape[1],
        lesion_share=share_of(mask) if mask is not None else 0.0,
        mask_share=mask_share,
    )


def share_of(mask: np.ndarray) -> float:
    """The share of pixels that a mask (H×W bool) marks: its mean, without numbers for pixels."""
    return float(np.count_nonzero(mask) / mask.size)


def large_lesion_note(share: float) -> str:
    """The audit note on a lesion that covers this share of its image; empty if it is not large."""
    return f'lesion covers {share:.0%} of the image; inverted mask?' * (share > LARGE_LESION_SHARE)


def pair_record(pair: Pair, **more: Any) -> dict[str, Any]:
    """The record that a ``make`` function returns for ``pair``."""
    return {**asdict(pair), **more}


def row_from_record(record: Mapping[str, Any], **facts: str) -> Row:
    """The index row of a written image, from its record and from what is known of it.

    Args:
        record: Of :func:`pair_record`, perhaps with values of the optional columns.
        facts: The other fields of :class:`Row`.
    """
    return Row(
        image=record['image'],
        mask=record['mask'],
        original_height=record['original_height'],
        original_width=record['original_width'],
        **{name: record[name] for name in OPTIONAL if name in record},
        **facts,
    )


def is_phantom(folder: Path) -> bool:
    """Whether ``folder`` lies in a tree that ``mammoseg phantom`` made."""
    folder = folder.resolve()
    return any((parent / PHANTOM_MARK).is_file() for parent in (folder, *folder.parents))


def count_table(rows: Sequence[Row]) -> str:
    """Images and patients per split and annotation state, as aligned text."""
    lines: list[tuple[str, ...]] = [('split', 'patients', 'images', *ANNOTATED)]
    for split in SPLITS:
        chosen = [row for row in rows if row.split == split]
        states = Counter(row.annotated for row in chosen)
        patients = len({row.patient_id for row in chosen})
        numbers = (patients, len(chosen), *(states[state] for state in ANNOTATED))
        lines.append((split, *map(str, numbers)))
    return '\n'.join(''.join(cell.rjust(10) for cell in line) for line in lines)
