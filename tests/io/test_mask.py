import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.mask import binarise, fit_mask

DISC = cv2.circle(np.zeros((120, 100), np.uint8), (50, 60), 15, 1, -1).astype(bool)


@pytest.mark.parametrize(('dtype', 'high'), [(np.uint8, 1), (np.uint8, 255), (np.uint16, 65280)])
def test_zero_and_any_other_value_are_a_mask(dtype, high):
    np.testing.assert_array_equal(binarise(DISC.astype(dtype) * dtype(high), 'a.png'), DISC)


def test_an_all_zero_mask_has_no_lesion():
    assert not binarise(np.zeros((4, 5), np.uint8), 'a.png').any()


@pytest.mark.parametrize('quality', [50, 75, 90, 95])
def test_jpeg_noise_is_rounded_away(quality):
    encoded = cv2.imencode('.jpg', DISC * np.uint8(255), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    noisy = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    assert len(np.unique(noisy)) > 2
    np.testing.assert_array_equal(binarise(noisy, 'a.jpg'), DISC)


@pytest.mark.parametrize('values', [(1, 254), (1, 2, 254), (2, 7, 1, 254), (1, 254, 251)])
def test_faint_noise_on_both_sides_is_rounded_away_though_it_has_few_values(values):
    noisy = DISC * np.uint8(255)
    for row, value in enumerate(values):
        noisy[row, :9] = value if value < 128 else 0
        noisy[60 + row, 48:52] = value if value > 128 else 255
    np.testing.assert_array_equal(binarise(noisy, 'a.jpg'), DISC)


@pytest.mark.parametrize('values', [(1, 2), (1, 255), (100, 200), (1, 2, 3), (1, 128, 254, 255)])
def test_label_maps_are_refused_unless_lesion_values_are_named(values):
    labels = np.zeros((30, 30), np.uint8)
    for row, value in enumerate(values):
        labels[5 * row + 5 : 5 * row + 8, 5:20] = value
    with pytest.raises(DataFileError, match=rf'a\.png: {len(values) + 1} different.*lesion-values'):
        binarise(labels, 'a.png')
    chosen = binarise(labels, 'a.png', lesion_values=values[1:])
    np.testing.assert_array_equal(chosen, labels >= values[1])


def test_a_photograph_is_not_a_mask():
    photograph = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    with pytest.raises(DataFileError, match=r'256 different values.*swapped'):
        binarise(photograph, 'a.png')


def test_a_uniform_scale_is_repaired_by_nearest_neighbour():
    fitted = fit_mask(DISC, (240, 200), 'a.png')
    np.testing.assert_array_equal(fitted, np.kron(DISC, np.ones((2, 2), bool)))


def test_one_per_cent_of_aspect_is_the_limit():
    assert fit_mask(np.ones((1009, 1000), bool), (500, 500), 'a.png').shape == (500, 500)
    with pytest.raises(DataFileError, match=r'a\.png: the mask is 1020×1000.*its image 500×500'):
        fit_mask(np.ones((1020, 1000), bool), (500, 500), 'a.png')


@pytest.mark.parametrize('values', [[255], [254, 255], [1, 2], [128, 255]])
def test_a_mask_without_background_is_refused(values):
    mask = np.resize(np.array(values, np.uint8), (6, 6))
    with pytest.raises(DataFileError, match=r'mask\.png: no background.*--lesion-values'):
        binarise(mask, 'mask.png')
