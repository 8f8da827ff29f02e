"""The breast is found on digital and film images, and what is beside it is not."""

import cv2
import numpy as np
import pytest

from mmseg_mammo.evaluation.breast import breast_core, find_breast, li_threshold
from mmseg_mammo.phantoms.mammogram import APPEARANCES, make_mammogram
from mmseg_mammo.transforms.clahe import clahe


def drawn(height=400, width=300, air=0):
    """A half ellipse of tissue at the left border, 8 bits, and where it is."""
    tissue = np.zeros((height, width), np.uint8)
    cv2.ellipse(tissue, (0, height // 2), (int(0.6 * width), int(0.4 * height)), 0, 0, 360, 1, -1)
    grain = np.random.default_rng(0).normal(0, 4, tissue.shape)
    image = np.where(tissue, 120 + grain, air + np.abs(grain) / 4)
    return image.clip(0, 255).astype(np.uint8), tissue > 0


def share(part, whole):
    return (part & whole).sum() / max(1, whole.sum())


def test_the_tissue_is_all_there_with_a_small_rim():
    image, tissue = drawn()
    found = find_breast(image)
    assert found.dtype == bool
    assert share(found, tissue) == 1
    assert share(found, ~tissue) < 0.12


@pytest.mark.parametrize('kind', [np.uint16, np.float32, np.float64])
def test_grey_levels_of_any_type_give_the_same(kind):
    image, _ = drawn()
    found = find_breast(image.astype(kind) * (257 if kind == np.uint16 else 1))
    assert share(found, find_breast(image)) > 0.999


def test_labels_letters_and_frames_are_left_out():
    image, tissue = drawn()
    plain = find_breast(image)
    cv2.rectangle(image, (255, 20), (285, 60), 255, -1)
    cv2.putText(image, 'R CC', (220, 380), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    image[:3], image[:, -2:] = 255, 255
    found = find_breast(image)
    assert not found[20:60, 255:285].any()
    assert not found[360:385, 220:270].any()
    assert share(found, tissue) == 1
    assert found.sum() < 1.1 * plain.sum()


def test_a_black_border_at_the_chest_wall_is_not_breast():
    image, tissue = drawn()
    moved = np.pad(image, ((0, 0), (60, 0)))
    found = find_breast(moved)
    assert share(found[:, 60:], tissue) == 1
    assert not found[:, :45].any()


def test_dark_fat_inside_is_filled():
    image, tissue = drawn()
    cv2.circle(image, (60, 200), 40, 0, -1)
    image[190:200, :80] = 0  # open to the chest wall
    assert share(find_breast(image), tissue) == 1


def test_black_images_have_no_breast_and_full_ones_are_all_breast():
    assert not find_breast(np.zeros((50, 40), np.uint8)).any()
    assert find_breast(np.full((50, 40), 7, np.uint16)).all()
    grain = np.random.default_rng(0).normal(120, 12, (224, 224)).astype(np.float32)
    assert find_breast(grain).all()


def test_tiny_and_thin_images_and_numbers_that_are_none():
    for shape in ((1, 1), (1, 9), (3, 200)):
        assert find_breast(np.arange(np.prod(shape)).reshape(shape)).shape == shape
    image, tissue = drawn()
    broken = image.astype(np.float32)
    broken[0, -1] = np.nan
    assert share(find_breast(broken), tissue) == 1
    with pytest.raises(ValueError, match='H×W'):
        find_breast(np.zeros((3, 4, 4)))


@pytest.mark.parametrize('look', sorted(APPEARANCES))
@pytest.mark.parametrize('equalised', [False, True])
def test_lesions_of_phantoms_are_kept_on_equalised_inputs_too(look, equalised):
    kept = whole = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        side, view = ('LEFT', 'RIGHT')[seed % 2], ('CC', 'MLO')[seed % 2]
        asked = [('mass', 'malignant'), ('mass', 'benign')]
        image, lesions = make_mammogram(rng, APPEARANCES[look], (300, 200), side, view, asked)
        if equalised:
            small = cv2.resize((image / image.max() * 255).astype(np.uint8), (224, 224))
            image = clahe(small, 4.0, (8, 8))
        found = find_breast(image)
        truth = np.any([one.mask for one in lesions], axis=0).astype(np.uint8)
        truth = cv2.resize(truth, found.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        kept, whole = kept + (found & truth).sum(), whole + truth.sum()
        assert found.mean() < 0.9
    assert kept >= 0.999 * whole


def test_li_threshold_lies_between_the_means_and_below_otsus():
    levels = np.concatenate([np.full(900, 0.05), np.full(100, 0.9)])
    cut = li_threshold(levels)
    assert 0.05 < cut < 0.475
    expected = (0.9 - 0.05) / (np.log(0.9) - np.log(0.05))
    assert cut == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize('side', [120, 1000])
def test_the_core_of_a_breast_has_next_to_no_background(side):
    rows, columns = np.mgrid[:side, :side] / side
    inside = ((rows - 0.5) / 0.4) ** 2 + (columns / 0.5) ** 2 < 1
    image = np.where(inside, 150, 0).astype(np.uint8)
    core, found = breast_core(image), find_breast(image)
    assert (found & ~inside).sum() > 0.05 * inside.sum()
    assert (core & ~inside).sum() < 0.01 * inside.sum()
    assert (core & inside).sum() > 0.97 * inside.sum()
    assert core[side // 2, 0]


def test_where_there_is_no_breast_all_is_core():
    assert breast_core(np.zeros((9, 7), np.uint8)).all()
    assert breast_core(np.full((9, 7), 80, np.uint8)).all()
