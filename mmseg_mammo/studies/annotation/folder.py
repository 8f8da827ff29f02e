"""Folder of a choice: the table that ``mammoseg prepare`` reads, masks to correct, pictures, a README."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.inference.prediction import Prediction
from mmseg_mammo.inference.prediction_folder.each_image import load_input
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.predictor import Loaded, Predictor
from mmseg_mammo.io.dicom.reader import is_dicom
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import (
    read_labels,
    resize_mask,
    scale_to_long_side,
    write_picture,
    write_png,
)
from mmseg_mammo.io.index import Row
from mmseg_mammo.io.spacing import format_spacing
from mmseg_mammo.io.table import write_table
from mmseg_mammo.preparation.hospital.entry import ROUND
from mmseg_mammo.studies.annotation.choose import Choice
from mmseg_mammo.studies.annotation.pool import Pool
from mmseg_mammo.visualization.contact_sheet import PICTURE, Tile, draw_sheet
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, grey_picture

MASKS = 'masks'
COLUMNS = (
    *('image', 'mask', 'patient_id', 'laterality', 'view', 'split', 'annotated', 'finding'),
    *('density', 'spacing_mm', 'for_test', 'why', 'score', 'round', 'key'),
)
_PER_SHEET, _PER_ROW = 20, 5
_README = """# Images to annotate next

`annotate_next.csv` names {count} images. The sheets show them, with what the model marks.

1. Open each image with its mask, `masks/KEY.png` (white is lesion, on the pixels of the image), in your
   drawing program. Correct the mask in place: take away what is no lesion, add what is missing.
2. Write into the column `annotated` what you saw: `lesion`, or `normal` if there is none (then the mask is
   all black). `no` stays where nobody has looked. Fill `finding` if you know it. Leave the other columns.
3. Prepare them:

   ```sh
   mammoseg prepare data/NEW --table {table}{pattern}
   ```

   With all that was annotated before: `--table YOUR_TABLE --rounds {folder}`, and the folders of earlier rounds.

   The preparation refuses a mask with a lesion whose row still says `no` or `normal`, and a row that says
   `lesion` whose mask is black.

Rows with `for_test=yes` (split `test`) were drawn by plain chance. Keep them for testing. Their masks are black
on purpose: outline these yourself, since a mark of the model makes the test agree with the model.

What the other masks show was drawn by a model. Nothing here is a medical device.
"""


def write_choice(
    predictor: Predictor, pool: Pool, choices: Sequence[Choice], out: Path, number: int
) -> None:
    """Write everything that an annotator needs; the table comes last, and says that all is there.

    A mask that is there is kept: somebody may have corrected it.

    Args:
        predictor: The models, which draw the masks.
        pool: Where the images come from.
        choices: What was chosen.
        out: The folder.
        number: Of the round.

    Raises:
        MammoError: An image cannot be read any more.
    """
    sources = {source.key: source for source in pool.inputs}
    rows, tiles = [], []
    for choice in choices:
        source = sources[choice.seen.key]
        loaded = load_input(predictor, source)
        found = predictor.predict([loaded])[0]
        path = out / MASKS / f'{source.key}.png'
        if not path.is_file():
            # A test that begins with marks of a model would agree with the model.
            marked = np.zeros_like(found.mask) if choice.for_test else found.mask
            write_png(path, marked.astype(np.uint8) * 255)
        facts = pool.rows.get(source.path)
        rows.append({**_line(choice, source, loaded, facts, out, pool), 'round': number})
        tiles.append(_tile_of(choice, source, loaded, found, path))
    for start in range(0, len(tiles), _PER_SHEET):
        sheet = draw_sheet(tiles[start : start + _PER_SHEET], _PER_ROW, 7)
        write_picture(out / f'sheet_{start // _PER_SHEET + 1}.png', sheet)
    pattern = f" --patient-pattern '{pool.pattern}'" if pool.pattern else ''
    text = _README.format(count=len(rows), table=out / ROUND, folder=out, pattern=pattern)
    write_atomic(out / 'README.md', lambda stream: stream.write(text.encode()))
    write_table(out / ROUND, COLUMNS, rows)


def _line(
    choice: Choice, source: Input, loaded: Loaded, facts: Row | None, out: Path, pool: Pool
) -> dict[str, Any]:
    """A row of the table; what a DICOM header tells is left to the preparation, as it is in ``predict``."""
    told: Mapping[str, Any] = vars(facts) if facts else {}
    spacing = '' if is_dicom(source.path) else format_spacing(loaded.spacing)
    patient = pool.patient_of(source) if source.patient_id or pool.pattern else ''
    return {
        'image': _relative(source.path, out),
        'mask': f'{MASKS}/{source.key}.png',
        'patient_id': patient,
        'laterality': choice.seen.laterality,
        'view': choice.seen.view,
        'split': 'test' if choice.for_test else 'train',
        # Until somebody has looked: the preparation then refuses what the model alone has marked.
        'annotated': 'no',
        'finding': told.get('finding', ''),
        'density': told.get('density', ''),
        'spacing_mm': spacing,
        'for_test': 'yes' if choice.for_test else 'no',
        'why': choice.why,
        'score': '' if choice.score is None else choice.score,
        'key': source.key,
    }


def _relative(path: Path, out: Path) -> str:
    """The way from the folder to a file, whatever links lead to either."""
    real = Path(os.path.realpath(path.parent)) / path.name
    return Path(os.path.relpath(real, os.path.realpath(out))).as_posix()


def _tile_of(choice: Choice, source: Input, loaded: Loaded, found: Prediction, path: Path) -> Tile:
    height, width = loaded.image.shape[:2]
    shape = scale_to_long_side((height, width), PICTURE)
    mask = found.mask if not path.is_file() else read_labels(path) > 0
    mask = mask if mask.shape == (height, width) else found.mask
    use = 'for testing' if choice.for_test else 'for training'
    marked = len(found.regions)
    regions = 'nothing marked' if not marked else f'{marked} region{"s" * (marked > 1)} marked'
    if choice.for_test:
        regions = 'to be outlined without help'
    lines = (source.image, f'{choice.seen.stratum}; {use}', regions, choice.why)
    picture = grey_picture(loaded.image, shape)
    return Tile(picture, resize_mask(mask, shape), lines=lines, colour=PREDICTION_COLOUR)
