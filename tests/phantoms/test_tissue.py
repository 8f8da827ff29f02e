"""The healthy breast: outline, muscle, gland and the spectrum of its noise."""

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

from mmseg_mammo.phantoms.tissue import draw_anatomy, draw_tissue, noise

SHAPE = (160, 110)
VIEWS = ('CC', 'MLO')


def anatomy(seed=0, view='CC', shape=SHAPE):
    return draw_anatomy(np.random.default_rng(seed), shape, view)


@pytest.mark.parametrize('view', VIEWS)
def test_a_breast_is_one_area_that_hangs_on_the_chest_wall(view):
    for seed in range(12):
        breast = anatomy(seed, view).breast
        assert breast.dtype == bool
        assert label(breast)[1] == 1
        assert (binary_fill_holes(breast) == breast).all()
        rows = breast.any(axis=1)
        assert breast[rows, 0].all()
        assert not breast[:, -1].any()
        assert 0.2 < breast.mean() < 0.85


@pytest.mark.parametrize('view', VIEWS)
def test_depth_is_the_distance_to_the_skin_as_scipy_finds_it(view):
    """OpenCV's 3×3 mask is within a few percent; the image's own border is no skin."""
    for seed in range(4):
        found = anatomy(seed, view)
        wide = np.pad(found.breast, ((200, 200), (200, 200)), mode='edge')
        expected = distance_transform_edt(wide)[200:-200, 200:-200] / SHAPE[0]
        np.testing.assert_allclose(found.depth, expected, atol=1 / SHAPE[0], rtol=0.06)
        assert (found.depth[~found.breast] == 0).all()


@pytest.mark.parametrize('view', VIEWS)
def test_reach_rises_from_the_wall_to_the_skin_and_the_nipple_is_its_farthest_point(view):
    for seed in range(8):
        found = anatomy(seed, view)
        assert found.reach.max() == 1
        assert (np.diff(found.reach, axis=1) >= 0).all()
        wide = found.breast.sum(axis=1) > 3  # elsewhere there is no breast to reach through
        assert (found.reach[~found.breast & wide[:, None]] == 1).all()
        assert found.reach[wide, 0].max() < 0.2
        assert (found.reach[found.breast] < 1).all()
        x, y = found.nipple
        widths = found.breast.sum(axis=1)
        assert x == pytest.approx(widths.max(), abs=2)
        assert widths[round(y)] == pytest.approx(widths.max(), abs=2)


def test_the_muscle_is_in_the_upper_corner_of_oblique_views_alone():
    for seed in range(8):
        assert not anatomy(seed, 'CC').pectoral.any()
        found = anatomy(seed, 'MLO')
        assert 0.9 < found.pectoral.max() <= 1.05
        inside = found.pectoral > 0.3
        assert inside[0, 0]
        assert (np.diff(inside.sum(axis=1)) <= 0).all()  # narrower downwards
        assert not inside[int(0.76 * SHAPE[0]) :].any()
        assert not found.pectoral[~found.breast].any()


def test_a_larger_image_is_the_same_breast():
    """Shares of the image are equal whatever its size."""
    for view in VIEWS:
        small, large = anatomy(3, view), anatomy(3, view, (4 * SHAPE[0], 4 * SHAPE[1]))
        shrunk = large.breast.reshape(SHAPE[0], 4, SHAPE[1], 4).mean(axis=(1, 3)) > 0.5
        assert (shrunk == small.breast).mean() > 0.98


@pytest.mark.parametrize('view', VIEWS)
def test_tissue_is_inside_the_breast_and_grows_with_its_density(view):
    found = anatomy(1, view)
    means = []
    for density in (1, 2, 3, 4):
        drawn = [draw_tissue(np.random.default_rng(s), found, density, 3.0) for s in range(3)]
        for gland, strands in drawn:
            assert gland.dtype == strands.dtype == np.float32
            assert gland.shape == strands.shape == SHAPE
            for part in (gland, strands):
                assert part.min() >= 0
                assert part.max() < 1.7
                assert not part[~found.breast].any()
        means.append(np.mean([gland[found.breast].mean() for gland, _ in drawn]))
    assert (np.diff(means) > 0.02).all()


@pytest.mark.parametrize(('odd', 'nearest'), [(0, 1), (7, 4)])
def test_a_density_beyond_the_scale_is_the_nearest_of_it(odd, nearest):
    one, other = (
        draw_tissue(np.random.default_rng(0), anatomy(), density, 3.0) for density in (odd, nearest)
    )
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_same_generator_draws_the_same_tissue_and_another_another():
    one, again, other = (
        draw_tissue(np.random.default_rng(seed), anatomy(), 2, 3.0)[0] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.2


@pytest.mark.parametrize('beta', [2.0, 3.0, 4.0])
def test_noise_has_the_spectrum_that_is_asked_for(beta):
    """The slope of the radial mean of the periodogram, in logarithms, above the damped part."""
    powers = np.zeros((128, 128))
    for seed in range(12):
        field = noise(np.random.default_rng(seed), (128, 128), beta)
        assert field.dtype == np.float32
        assert (field.mean(), field.std()) == pytest.approx((0, 1), abs=1e-4)
        powers += np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(128) * 128] * 2))
    chosen = (frequency > 12) & (frequency < 60)
    slope = np.polyfit(np.log(frequency[chosen]), np.log(powers[chosen]), 1)[0]
    assert slope == pytest.approx(-beta, abs=0.2)


@pytest.mark.parametrize('shape', [(40, 30), (700, 200), (512, 512)])
def test_noise_has_the_shape_that_is_asked_for(shape):
    field = noise(np.random.default_rng(0), shape, 3.0)
    assert field.shape == shape
    assert abs(field.mean()) < 0.02
    assert field.std() == pytest.approx(1, abs=0.05)
