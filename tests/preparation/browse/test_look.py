"""What is seen of a prepared image and its mask."""

import numpy as np
import pytest
from prepared_sets import write_prepared

from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.browse.look import look_at, picture_of, read_items


@pytest.fixture
def items(tmp_path):
    return read_items(write_prepared(tmp_path, 3) / 'index.csv')


def test_an_image_and_its_mask_are_measured(items):
    look = look_at(items[0])
    assert (look.fault, look.inverted, look.mask_outside) == ('', False, 0)
    assert look.mask_share == pytest.approx(20 * 15 / (160 * 120))
    assert look.statistics['height'] == 160
    assert look.white < 0.05
    assert look.digest != look_at(items[1]).digest


def test_a_mask_beside_the_breast_and_white_tissue_are_seen(items):
    item = items[0]
    mask = np.zeros((160, 120), np.uint8)
    mask[:10, 100:] = 255
    write_png(item.folder / item.row.mask, mask)
    assert look_at(item).mask_outside == 1
    image = np.zeros((160, 120), np.uint8)
    image[20:140, :60] = 255
    write_png(item.folder / item.row.image, image)
    assert look_at(item).white > 0.7


def test_what_cannot_be_read_is_said(items):
    write_png(items[0].folder / items[0].row.mask, np.zeros((5, 6), np.uint8))
    assert look_at(items[0]).fault == 'mask of 5×6 pixels, image of 160×120.'
    (items[1].folder / items[1].row.image).unlink()
    look = look_at(items[1])
    assert 'No such file' in look.fault
    assert look.statistics == {}
    assert picture_of(items[1], 50) is None


def test_a_small_picture_has_its_mask_and_the_breast(items):
    small = picture_of(items[2], 80)
    assert small.picture.shape == small.mask.shape == small.breast.shape == (80, 60)
    assert small.picture.dtype == np.uint8
    assert small.picture.max() > 200
    assert small.mask.any()
    assert 0.1 < small.breast.mean() < 0.6
