"""Numbers of a mammogram that tell one hospital's images from another's."""

import numpy as np
import pytest

from mmseg_mammo.preparation.image_statistics import (
    QUANTILES,
    image_statistics,
    summarise_statistics,
)


def mammogram(dtype=np.uint16, white=4000):
    """A breast that covers the left third of 160×120 pixels, brighter towards the chest wall."""
    image = np.zeros((160, 120), dtype)
    image[20:140, :40] = np.linspace(white, white // 2, 40).astype(dtype)
    return image


def test_shape_depth_side_and_levels():
    found = image_statistics(mammogram())
    assert (found['height'], found['width'], found['aspect']) == (160, 120, pytest.approx(4 / 3))
    assert found['bits'] == 16
    assert 0.2 < found['breast'] < 0.4
    assert found['side'] < -0.5  # left
    assert 0 <= found['outside'] < 5
    assert found['level_5'] < found['level_50'] < found['level_95'] <= 255
    assert 150 < found['level_50'] < 230


def test_the_other_side_is_its_mirror_and_levels_do_not_depend_on_the_depth():
    found = image_statistics(mammogram())
    mirrored = image_statistics(mammogram()[:, ::-1])
    assert mirrored['side'] == pytest.approx(-found['side'], abs=0.02)
    assert mirrored['level_50'] == pytest.approx(found['level_50'], abs=1)
    bytes_ = image_statistics(mammogram(np.uint8, 250))
    assert bytes_['bits'] == 8
    assert bytes_['level_50'] == pytest.approx(found['level_50'], abs=3)


def test_a_large_image_is_looked_at_in_small():
    found = image_statistics(np.kron(mammogram(), np.ones((4, 4), np.uint16)))
    assert found['height'] == 640
    assert found['level_50'] == pytest.approx(image_statistics(mammogram())['level_50'], abs=5)


def test_a_black_image_has_no_levels():
    found = image_statistics(np.zeros((50, 40), np.uint8))
    assert found['breast'] == 0
    assert np.isnan([found['level_50'], found['side']]).all()
    assert found['outside'] == 0


def test_quantiles_leave_out_what_is_not_known():
    images = [{'a': float(n), 'b': float('nan')} for n in range(101)]
    images[0]['a'] = float('nan')
    found = summarise_statistics(images)
    assert found['b'] == []
    assert len(found['a']) == len(QUANTILES)
    assert (found['a'][0], found['a'][-1]) == (1, 100)
    assert found['a'][QUANTILES.index(50)] == 50.5
    assert summarise_statistics([]) == {}
