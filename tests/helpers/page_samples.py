"""A small report with hand-made cases: every score, filter and outline is known."""

from pathlib import Path

import cv2
import numpy as np

from mmseg_mammo.io.image import write_png
from mmseg_mammo.reporting.document import Case, Section, Table
from mmseg_mammo.visualization.plots import Figure

MODELS = ('U-Net', 'SAM & co')
SHAPE = (40, 32)
CASES = 30
HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="9" height="9"/></svg>'
TABLE = Table(
    'results',
    'Results',
    ('Model', 'Images', 'Dice %', 'p', 'Interval', 'mark'),
    (
        ('U-Net', 206, 33.18, 0.5, '30.1 to 36.2', ''),
        ('SAM', 206, 9.5, 0.00012, '8.0 to 11.0', 'weak masks; prompts from the truth'),
        ('nothing', 97, None, None, '–', ''),
        (HOSTILE, 0, -1.25, 1.0, '–2.0 to 0.5', ''),
    ),
    ('A note under the table.',),
)
FIGURE = Figure('roc', 'ROC', 'One curve.', b'\x89PNG', SVG, 'A curve')
SECTIONS = (
    Section('results', 'Results & tables', ('First paragraph.',), (TABLE, FIGURE)),
    Section('more', 'More', (HOSTILE,), (), ('only 4 images',)),
)
NOTES = ('Not a medical device. Do not treat.', 'Weak masks: boxes.', HOSTILE)


def square(top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def save(path: Path, mask: np.ndarray) -> Path:
    write_png(path, mask.astype(np.uint8) * 255)
    return path


def make_cases(folder: Path, count: int = CASES) -> list[Case]:
    """Cases 0, 3, 6, … are normal, even ones MLO; U-Net's scores rise, those of SAM fall."""
    cases = []
    for number in range(count):
        stem = folder / f'{number:03}'
        image = stem.with_suffix('.jpg')
        cv2.imwrite(str(image), np.full(SHAPE, 8 * (number % 30), np.uint8))
        lesion = number % 3 > 0
        cases.append(
            Case(
                key=f'case_{number:03}',
                dataset='CBIS' if number < 20 else 'ZGT',
                facts={
                    'view': 'CC' if number % 2 else 'MLO',
                    'finding': HOSTILE if number == 1 else '',
                    'mask_kind': 'weak' if number == 2 else 'contour',
                    'split': 'test',
                },
                image=image,
                truth=save(Path(f'{stem}_truth.png'), square(10, 5, 8)) if lesion else None,
                predictions={
                    'U-Net': save(Path(f'{stem}_unet.png'), square(12, 6, 10)),
                    'SAM & co': None,
                },
                scores={
                    'U-Net': {'dice': number / 100, 'iou': number / 200, 'max_probability': 0.9},
                    'SAM & co': {'dice': (count - number) / 100, 'iou': None},
                },
                points={'SAM & co': ((0.5, 0.25, 1), (0.1, 0.1, 0)), 'U-Net': ()},
            )
        )
    return cases
