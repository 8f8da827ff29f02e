"""What is suspicious about prepared images; each is told by its own reason, and good ones by none."""

import numpy as np
import pytest
from prepared_sets import write_prepared

from mmseg_mammo.preparation.browse.look import look_at, read_items
from mmseg_mammo.preparation.browse.suspicions import find_suspicions


def full(image, mask):
    return image, np.full_like(mask, 255)


def most(image, mask):
    marked = mask * 0
    marked[:, :70] = 255
    return image, marked


def texts(folder, changes, reference=None, count=24, **columns):
    items = read_items(write_prepared(folder, count, changes, **columns) / 'index.csv')
    looks = [look_at(item) for item in items]
    return [[one.text for one in each] for each in find_suspicions(looks, reference)]


def test_good_images_are_not_suspicious(tmp_path):
    assert not any(texts(tmp_path, {}))


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (
            lambda i, m: (255 - np.roll(i, 30, 1), np.roll(m, 30, 1)),
            'border brighter than the middle: inverted?',
        ),
        (lambda i, m: (i * 0, m), 'black image'),
        (lambda i, m: (np.minimum(i * 3.0, 255).astype(np.uint8), m), 'of the breast is white'),
        (lambda i, m: (i[:, ::-1], m[:, ::-1]), 'laterality LEFT, but the breast lies right'),
        (lambda i, m: (i, m * 0), 'the mask is empty, the index says lesion'),
        (lambda i, m: (i, m[:, ::-1]), '100% of the mask is outside the breast'),
        (full, 'the mask covers 100% of the image'),
        (most, 'the mask covers 58% of the image'),
        (lambda i, m: (i, m[:50, :60]), 'mask of 50×60 pixels'),
        (lambda i, m: (np.rot90(i), np.rot90(m)), 'beside the rest: the image is wide'),
    ],
)
def test_each_fault_is_told_and_no_other_image_is_blamed(tmp_path, change, said):
    found = texts(tmp_path, {4: change})
    assert any(said in text for text in found[4]), found[4]
    assert not any(each for number, each in enumerate(found) if number != 4)


def test_the_gravest_comes_first(tmp_path):
    found = texts(tmp_path, {4: lambda i, m: (255 - i, np.full_like(m, 255))})[4]
    assert found[0] == 'the mask covers 100% of the image'
    assert len(found) > 2


def test_equal_pixels_are_told(tmp_path):
    kept = {}

    def keep(image, mask):
        kept['image'] = image
        return image, mask

    found = texts(tmp_path, {0: keep, 2: lambda i, m: (kept['image'], m)})
    assert found[0] == []
    assert found[2] == ['same pixels as images/00.png, of another patient']


def test_a_set_whose_sides_follow_no_laterality_blames_none(tmp_path):
    turned = {n: lambda i, m: (i[:, ::-1], m[:, ::-1]) for n in range(0, 24, 3)}
    assert not any(texts(tmp_path, turned))


def square(image, mask):
    return np.pad(image, ((0, 0), (0, 40))), np.pad(mask, ((0, 0), (0, 40)))


def padded(image, mask):
    return tuple(np.pad(part[40:120], ((0, 0), (20, 20))) for part in (image, mask))


@pytest.mark.parametrize('shape', [square, padded])  # the breast at the edge, and away from it
def test_a_turned_image_is_told_by_the_edges_of_the_breast(tmp_path, shape):
    def turned(image, mask):
        return tuple(np.rot90(part) for part in shape(image, mask))

    found = texts(tmp_path, {**dict.fromkeys(range(24), shape), 4: turned})
    said = 'the breast lies along another edge than the rest: turned by 90°?'
    assert [number for number, each in enumerate(found) if said in each] == [4]
    found = texts(tmp_path / 'b', {**dict.fromkeys(range(0, 24, 2), shape), 4: turned}, count=8)
    assert not any(said in each for each in found)


def test_what_is_known_of_no_image_warns_of_nothing(tmp_path, recwarn):
    found = texts(tmp_path, dict.fromkeys(range(24), lambda i, m: (i * 0, m)))
    assert all('black image' in each for each in found)
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]


def test_few_images_are_no_rest_to_stand_beside(tmp_path):
    found = texts(tmp_path, {4: lambda i, m: (np.rot90(i), np.rot90(m))}, count=6)
    assert not any('beside the rest' in text for text in found[4])


def test_images_are_compared_with_the_training_images(tmp_path):
    class Reference:
        def judge(self, statistics, laterality):
            from mmseg_mammo.preparation.likeness import Likeness

            if laterality == 'LEFT':
                return Likeness(0.01, 'unlike', ('outside is bright',))
            return Likeness(0.5, 'like')

    found = texts(tmp_path, {}, Reference(), count=2)
    assert found == [['unlike beside the training images: outside is bright'], []]
