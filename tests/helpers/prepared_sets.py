"""Prepared folders of simple mammograms, written at once, for tests that look at data."""

from dataclasses import replace

import numpy as np

from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import Row, read_index, write_index


def half_disc(rng, right=False):
    """160×120 uint8: tissue on a black film, left or right, of changing size and brightness."""
    image = np.zeros((160, 120), np.uint8)
    rows, columns = np.mgrid[:160, :120]
    inside = ((rows - 80) / rng.uniform(55, 70)) ** 2 + (columns / rng.uniform(45, 65)) ** 2 < 1
    image[inside] = rng.integers(90, 120)
    image[inside] += rng.integers(0, 40, inside.sum(), dtype=np.uint8)
    image[78:82, 10:14] = 255
    return np.ascontiguousarray(image[:, ::-1] if right else image)


def write_prepared(folder, count=24, changes=None, **columns):
    """Write a prepared folder: even images are LEFT, odd ones RIGHT, each with a lesion.

    Args:
        folder: To be made.
        count: Of images, ``images/00.png`` and so on.
        changes: Number -> function of image and mask that returns both.
        columns: Of every row of the index.

    Returns:
        The folder.
    """
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        right = number % 2 == 1
        image, mask = half_disc(rng, right), np.zeros((160, 120), np.uint8)
        mask[70:90, 95:110] = 255
        mask = mask if right else np.ascontiguousarray(mask[:, ::-1])
        if number in (changes or {}):
            image, mask = map(np.ascontiguousarray, changes[number](image, mask))
        name = f'{number:02d}.png'
        write_png(folder / 'images' / name, image)
        write_png(folder / 'masks' / name, mask)
        row = Row(
            image=f'images/{name}',
            mask=f'masks/{name}',
            patient_id=f'P{number}',
            laterality='RIGHT' if right else 'LEFT',
            view='CC',
            split='train',
            finding='mass',
            pathology='unknown',
            density='',
            annotated='lesion',
            mask_kind='contour',
            source='test',
            original_height=image.shape[0],
            original_width=image.shape[1],
        )
        rows.append(replace(row, **columns))
    write_index(folder / 'index.csv', rows)
    return folder


def drop_masks(prepared, folder, *images):
    """A prepared folder with the same files where some lesions have an image label alone.

    Args:
        prepared: The folder.
        folder: To be made.
        images: Names in its index.

    Returns:
        The new folder.
    """
    folder.mkdir(parents=True)
    for name in ('images', 'masks'):
        (folder / name).symlink_to((prepared / name).resolve())
    rows = read_index(prepared / 'index.csv')
    label = {'mask': '', 'mask_kind': 'image-label', 'mask_share': ''}
    changed = [replace(row, **label) if row.image in images else row for row in rows]
    write_index(folder / 'index.csv', changed)
    return folder
