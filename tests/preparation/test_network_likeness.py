"""How far an image is from the training images, by what the network makes of them."""

import numpy as np
import pytest

from mmseg_mammo.preparation.likeness import Reference
from mmseg_mammo.preparation.network_likeness import NetworkReference, network_reference_of


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(0, 0.1, (50, 32))


def test_images_of_the_same_kind_are_as_far_out_as_the_training_images(vectors):
    reference = NetworkReference(vectors)
    rng = np.random.default_rng(1)
    shares = np.array([reference.share(rng.normal(0, 0.1, 32)) for _ in range(400)])
    assert 0.4 < np.median(shares) < 0.6
    assert np.mean(shares < 0.05) < 0.12
    assert reference.share(rng.normal(0.5, 0.1, 32)) == 1 / 51


def test_a_training_image_is_measured_from_the_others():
    """By hand: five points on a line."""
    reference = NetworkReference(np.array([[0.0], [1.0], [2.0], [3.0], [10.0]]))
    np.testing.assert_allclose(reference.distances, [2, 4 / 3, 4 / 3, 2, 8])
    assert reference.share(np.array([5.0])) == pytest.approx(2 / 6)  # distance 3
    assert reference.share(np.array([1.0])) == 1


def test_few_images_unknown_ones_and_earlier_records_say_nothing(vectors):
    assert network_reference_of({}) is None
    assert network_reference_of({'network': vectors[:9].tolist()}) is None
    rows = [[None] * 32, *vectors[:9].tolist()]  # of a network whose training diverged
    assert network_reference_of({'network': rows}) is None
    found = network_reference_of({'network': [*rows, vectors[9].tolist()]})
    np.testing.assert_array_equal(found.distances, NetworkReference(vectors[:10]).distances)


def test_it_changes_no_word(vectors):
    image = {'aspect': 1.0, 'side': 0.0}
    reference = Reference(['aspect'], np.array([[0.9], [1.0], [1.1]]), np.ones(20))
    plain = reference.judge(image)
    reference.network = NetworkReference(vectors)
    assert reference.judge(image) == plain
    far = reference.judge(image, '', np.ones(32))
    assert (far.word, far.share, far.reasons) == (plain.word, plain.share, plain.reasons)
    assert (plain.network, far.network) == (None, 1 / 51)
