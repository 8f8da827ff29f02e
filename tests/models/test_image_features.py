"""Features of images: which part of a network gives them, and what distances between them mean."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from mmseg_mammo.models.image_features import NUMBERS, FeatureProbe, encoder_of, image_features


class Encoder(nn.Module):
    """Two maps, the deeper one first as in mmseg's U-Net."""

    def forward(self, images):
        return [images[..., ::4, ::4] * 2, images]


class Model(nn.Module):
    test_cfg = None

    def __init__(self, name='backbone'):
        super().__init__()
        setattr(self, name, Encoder())

    def forward(self, images):
        return encoder_of(self)[1](images)


def test_the_deepest_map_counts_and_of_equal_ones_the_last():
    deep, shallow = torch.rand(3, 5, 2, 2), torch.rand(3, 5, 4, 4)
    np.testing.assert_array_equal(image_features([deep, shallow]), image_features(deep))
    np.testing.assert_array_equal(image_features((shallow, deep)), image_features(deep))
    other = torch.rand(3, 5, 2, 2)
    np.testing.assert_array_equal(image_features([deep, other]), image_features(other))
    # The class token beside the tokens of a ViT.
    np.testing.assert_array_equal(image_features(([deep, torch.rand(3, 5)],)), image_features(deep))
    assert image_features(torch.rand(3, 5)) is None


def test_distances_are_nearly_those_of_the_unit_vectors():
    rng = np.random.default_rng(0)
    means = rng.random((40, 512)).astype(np.float32)
    found = image_features(torch.from_numpy(means)[:, :, None, None] * torch.ones(1, 1, 3, 3))
    unit = means / np.linalg.norm(means, axis=1, keepdims=True)
    pairs = np.triu_indices(40, 1)
    true = np.linalg.norm(unit[pairs[0]] - unit[pairs[1]], axis=1)
    near = np.linalg.norm(found[pairs[0]] - found[pairs[1]], axis=1)
    assert found.shape == (40, NUMBERS)
    assert np.abs(near / true - 1).mean() < 0.15
    assert (found == found.round(4)).all()


def test_the_projection_never_changes():
    """Checkpoints of earlier versions are compared with."""
    found = image_features(torch.eye(3)[:, :, None, None])
    np.testing.assert_allclose(found[:, 0], [0.3118, -0.1569, 0.0314], atol=1e-4)


def test_the_probe_keeps_the_first_pass_of_each_batch():
    for name in ('backbone', 'image_encoder'):
        model = Model(name)
        probe = FeatureProbe(model)
        assert probe.first(2) == [None, None]
        images, mirrored = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
        model(images)
        model(mirrored)
        expected = image_features(Encoder()(images))
        np.testing.assert_array_equal(np.stack(probe.first(2)), expected)
        probe.clear()
        assert probe.first(1) == [None]


def test_a_model_without_a_known_encoder_and_one_that_sees_parts_have_none():
    assert encoder_of(SimpleNamespace()) is None
    model = Model()
    model.test_cfg = {'mode': 'slide'}
    assert encoder_of(model) is None
    probe = FeatureProbe(model)
    model.backbone(torch.rand(1, 3, 8, 8))
    assert probe.first(1) == [None]


def test_of_two_stages_the_finder_is_looked_at():
    two = torch.nn.Module()
    two.finder = Model()
    name, encoder = encoder_of(two)
    assert (name, encoder) == ('finder.backbone', two.finder.backbone)
    assert encoder_of(SimpleNamespace(finder=torch.nn.Module())) is None
