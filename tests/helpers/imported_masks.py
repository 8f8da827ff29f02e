"""A small prepared folder, halved from its originals, and masks of another system for it."""

import cv2
import numpy as np

from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import INDEX_NAME, Row, write_index

SHAPE, ORIGINAL = (60, 40), (120, 80)
LESIONS = {
    'images/P1/CC.png': (20, 30),
    'images/P1/MLO.png': (12, 40),
    'images/P4/CC.png': (20, 20),
}
NORMAL = ('images/P2/CC.png', 'images/P2/MLO.png')


def disc(centre, radius=6, shape=SHAPE):
    """H×W bool."""
    return cv2.circle(np.zeros(shape, np.uint8), centre, radius, 1, -1) > 0


def make_prepared(root, more=0):
    """Two lesion images and two normal ones of the test split, one of the training split.

    ``more`` are further patients of the test split with a normal image each.
    """
    others = [f'images/N{number}/CC.png' for number in range(more)]
    rows = []
    for number, image in enumerate((*LESIONS, *NORMAL, *others)):
        centre = LESIONS.get(image)
        patient, view = image.removesuffix('.png').split('/')[1:]
        write_png(
            root / image, np.random.default_rng(number).integers(0, 255, SHAPE).astype(np.uint8)
        )
        mask = image.replace('images', 'masks') if centre else ''
        if centre:
            write_png(root / mask, disc(centre).astype(np.uint8) * 255)
        facts = ('train' if patient == 'P4' else 'test', 'mass' if centre else '', '', '')
        kind = ('lesion' if centre else 'normal', 'phantom', 'made')
        uid = f'1.2.3.{number}'
        row = (image, mask, patient, 'LEFT', view, *facts, *kind, *ORIGINAL, '', '', uid)
        rows.append(Row(*row))
    write_index(root / INDEX_NAME, rows)
    return rows


def write_masks(folder, masks):
    """Write H×W arrays by name; bool as 0 and 255."""
    for name, mask in masks.items():
        write_png(folder / name, mask.astype(np.uint8) * 255 if mask.dtype == bool else mask)
    return folder
