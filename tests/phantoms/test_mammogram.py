import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from mmseg_mammo.errors import MammoError
from mmseg_mammo.phantoms.mammogram import APPEARANCES, VIEWS, make_mammogram

SHAPE = (160, 100)


def make(seed=0, hospital='cbis', laterality='LEFT', view='CC', lesions=(), density=2, shape=SHAPE):
    rng = np.random.default_rng(seed)
    look = APPEARANCES[hospital]
    return make_mammogram(rng, look, shape, laterality, view, lesions, density)


def box_sides(mask):
    return np.flatnonzero(mask.any(axis=1)).size, np.flatnonzero(mask.any(axis=0)).size


@pytest.mark.parametrize('hospital', APPEARANCES)
@pytest.mark.parametrize('view', VIEWS)
def test_every_requested_lesion_comes_back_in_order_with_a_mask(hospital, view):
    wanted = [('mass', 'malignant'), ('calcification', 'benign'), ('mass', 'benign')]
    pixels, lesions = make(3, hospital, 'RIGHT', view, wanted)
    assert pixels.shape == SHAPE
    assert pixels.dtype == np.uint16
    assert pixels.max() <= APPEARANCES[hospital].maximum
    assert [(lesion.kind, lesion.pathology) for lesion in lesions] == wanted
    for lesion in lesions:
        assert lesion.mask.shape == SHAPE
        assert lesion.mask.dtype == bool
        assert lesion.mask.any()


def test_equal_generators_give_equal_images_and_others_do_not():
    first, again, other = (make(seed, lesions=[('mass', 'benign')])[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.2


@pytest.mark.parametrize('hospital', ['zgt', 'screening'])
def test_left_and_right_are_mirror_images_of_digital_mammograms(hospital):
    left, (lesion,) = make(4, hospital, 'LEFT', 'MLO', [('mass', 'benign')])
    right, (mirrored,) = make(4, hospital, 'RIGHT', 'MLO', [('mass', 'benign')])
    np.testing.assert_array_equal(left[:, ::-1], right)
    np.testing.assert_array_equal(lesion.mask[:, ::-1], mirrored.mask)


def test_a_left_breast_lies_at_the_left_border_on_a_black_background():
    pixels = make(5, 'zgt')[0]
    assert (pixels[:, :20] > 0).mean() > 0.6
    assert not pixels[:, -2:].any()


def test_masses_are_brighter_than_their_surroundings():
    differences = []
    for seed in range(30):
        pixels, (lesion,) = make(seed, 'zgt', lesions=[('mass', 'benign')], density=1)
        ring = binary_dilation(lesion.mask, iterations=6) & ~lesion.mask & (pixels > 0)
        differences.append(pixels[lesion.mask].mean() - pixels[ring].mean())
    assert np.mean(np.array(differences) > 0) > 0.9


def test_muscle_brightens_the_upper_chest_wall_of_oblique_views():
    for seed in range(8):
        pixels = make(seed, 'zgt', view='MLO', density=1)[0]
        assert pixels[5:20, :5].mean() > 1.7 * np.median(pixels[pixels > 0])


def test_density_four_holds_more_bright_tissue_than_density_one():
    def gland(density):
        images = [make(seed, 'zgt', density=density)[0] / 4095 for seed in range(6)]
        return np.mean([(image > 0.35).sum() / (image > 0.05).sum() for image in images])

    assert gland(4) > 2 * gland(1)


def test_films_show_a_label_beside_the_breast_and_digital_images_do_not():
    def outside(hospital):
        return np.mean([(make(seed, hospital)[0][5:50, -30:-3] > 12000).any() for seed in range(8)])

    assert outside('cbis') > 0.8
    assert outside('zgt') == 0


def test_large_images_are_drawn_small_and_keep_the_size_of_lesions():
    shape = (2048, 1200)
    pixels, (lesion,) = make(6, lesions=[('mass', 'benign')], shape=shape)
    assert pixels.shape == lesion.mask.shape == shape
    assert 40 < max(box_sides(lesion.mask)) < 400


@pytest.mark.parametrize(
    ('changes', 'named'),
    [
        ({'view': 'LM'}, 'LM'),
        ({'laterality': 'L'}, "'L'"),
        ({'lesions': [('cyst', 'benign')]}, 'cyst'),
        ({'shape': (20, 100)}, '20×100'),
    ],
)
def test_a_wrong_request_is_refused_with_its_value(changes, named):
    with pytest.raises(MammoError, match=named):
        make(**changes)
