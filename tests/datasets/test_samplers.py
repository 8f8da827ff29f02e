"""The sampler that shows small lesions more often."""

from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from prepared_sets import drop_masks

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.samplers import (
    LesionSizeSampler,
    lesion_share,
    share_normals,
    size_weights,
)
from mmseg_mammo.errors import MammoError


def test_weights_by_hand():
    """Four lesions of one octave, one of half their size, one normal: 1/2 and 1, over 1/2; mean 6/5."""
    weights = size_weights(np.array([1.1, 1.2, 1.3, 1.4, 0.6, 0]) / 128, power=0.5, limit=4)
    assert weights == pytest.approx([5 / 6] * 4 + [10 / 6, 1])


def test_large_lesions_are_drawn_like_the_usual_ones_unless_asked_for():
    shares = np.array([1.1, 1.2, 1.3, 1.4, 4, 0]) / 128
    assert size_weights(shares, power=0.5, limit=4).tolist() == [1] * 6
    weights = size_weights(shares, power=0.5, limit=4, rare_large=True)
    assert weights == pytest.approx([5 / 6] * 4 + [10 / 6, 1])


def test_the_smaller_half_of_lesions_is_drawn_more_than_its_share():
    sizes = np.random.default_rng(0).lognormal(-6, 1, 1000).clip(1e-5, 0.5)
    weights = size_weights(sizes, power=0.5, limit=4)
    small, large = weights[sizes < np.median(sizes)], weights[sizes > np.median(sizes)]
    assert small.mean() > 1.1
    assert large.mean() < 0.9
    assert np.unique(large).size <= 2


def test_power_one_draws_every_octave_equally_often():
    shares = np.array([1.1] * 6 + [2.2] * 3 + [5.0])
    weights = size_weights(shares / 128, power=1, limit=100, rare_large=True)
    assert weights[:6].sum() == pytest.approx(weights[6:9].sum()) == pytest.approx(weights[9])


def test_power_zero_is_uniform_and_limits_hold():
    shares = np.array([0.01] * 99 + [0.9, 1e-6])
    assert (size_weights(shares, power=0, limit=4) == 1).all()
    weights = size_weights(shares, power=1, limit=4, rare_large=True)
    assert weights[99] / weights[0] == weights[100] / weights[0] == pytest.approx(4)
    assert size_weights(np.zeros(3), power=1, limit=4).tolist() == [1, 1, 1]


@pytest.fixture
def dataset(prepared):
    return MammographyDataset(split='train', data_root=str(prepared), pipeline=[])


def test_an_image_label_is_drawn_as_often_as_a_normal_image(prepared, tmp_path):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/1.png')
    dataset = MammographyDataset(split='train', data_root=str(folder), pipeline=[])
    weights = LesionSizeSampler(dataset=dataset, seed=0).weights.tolist()
    assert weights[1] == weights[3] == 1


def test_the_share_of_a_lesion_is_read_from_its_mask(dataset):
    """A disc of radius 8 on 80×64 pixels covers about π·64 / 5120 = 3.9 %."""
    shares = [lesion_share(dataset.get_data_info(i)['seg_map_path']) for i in range(4)]
    assert shares[:3] == pytest.approx([0.039] * 3, abs=0.002)
    assert shares[3] == 0


def test_epochs_have_the_length_of_the_data_and_differ(dataset):
    sampler = LesionSizeSampler(dataset=dataset, seed=1)
    drawn = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        drawn.append(list(sampler))
        assert drawn[-1] == list(sampler)
    assert {len(epoch) for epoch in drawn} == {len(dataset) == len(sampler) and 4}
    assert len({tuple(epoch) for epoch in drawn}) > 1


def test_draws_follow_the_weights(dataset):
    sampler = LesionSizeSampler(dataset=dataset, seed=1)
    sampler.weights[:] = sampler.weights.new_tensor([3, 1, 0, 0])
    counts = Counter()
    for epoch in range(500):
        sampler.set_epoch(epoch)
        counts.update(index % 4 for index in sampler)
    assert set(counts) == {0, 1}
    assert counts[0] / 2000 == pytest.approx(0.75, abs=0.04)


def test_processes_share_one_draw(dataset):
    whole = LesionSizeSampler(dataset=dataset, seed=1)
    expected = list(whole)
    shares = []
    for rank in (0, 1):
        sampler = LesionSizeSampler(dataset=dataset, seed=1)
        sampler.rank, sampler.world_size = rank, 2
        shares.append(list(sampler))
    assert [index for pair in zip(*shares, strict=True) for index in pair] == expected


def test_data_sets_inside_others_are_refused(dataset):
    """A repeat of an image is an index beyond the length, which wrappers do not know."""
    for wrapped in (ConcatDataset([dataset, dataset]), RepeatDataset(dataset, times=2)):
        with pytest.raises(MammoError, match=r"from a \w+Dataset\. Allowed.*'DefaultSampler'"):
            LesionSizeSampler(dataset=wrapped)


def test_no_mask_is_read_that_the_index_knows_the_share_of(dataset, monkeypatch):
    """A share that cannot be one is that of the file."""
    path = dataset.get_data_info(0)['seg_map_path']
    read = lesion_share(path)
    assert [lesion_share(path, known) for known in ('', '0', 'nan', '2', 'x')] == [read] * 5
    weights = LesionSizeSampler(dataset=dataset).weights
    info = dataset.get_data_info
    shares = {i: repr(lesion_share(info(i)['seg_map_path'])) for i in range(len(dataset))}
    monkeypatch.setattr(dataset, 'get_data_info', lambda i: {**info(i), 'mask_share': shares[i]})
    monkeypatch.delattr('mmseg_mammo.datasets.samplers.read_labels')
    assert LesionSizeSampler(dataset=dataset).weights.tolist() == weights.tolist()
    assert lesion_share(None, '0.5') == 0


def test_the_share_of_normal_images_is_what_is_asked_for(dataset):
    """Images 0 to 2 have a lesion, 3 is normal."""
    plain = LesionSizeSampler(dataset=dataset, seed=0).weights
    assert torch.equal(LesionSizeSampler(dataset=dataset, normal_share=None).weights, plain)
    weights = LesionSizeSampler(dataset=dataset, normal_share=0.5).weights
    assert (weights[3] / weights.sum()).item() == pytest.approx(0.5)
    assert torch.allclose(weights[:3] / weights[:3].sum(), plain[:3] / plain[:3].sum())
    assert weights.sum().item() == pytest.approx(plain.sum().item())
    sampler = LesionSizeSampler(dataset=dataset, normal_share=0.0, seed=0)
    assert all(index % 4 != 3 for index in sampler)


def test_an_image_label_is_no_normal_image(prepared, tmp_path):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/1.png')
    dataset = MammographyDataset(split='train', data_root=str(folder), pipeline=[])
    weights = LesionSizeSampler(dataset=dataset, normal_share=0.4).weights
    assert (weights[3] / weights.sum()).item() == pytest.approx(0.4)


@pytest.mark.parametrize(
    ('share', 'normal'), [(1.0, [0, 1]), (-0.1, [0, 1]), (0.5, [0, 0]), (0.5, [1, 1])]
)
def test_a_share_that_cannot_be_had_is_refused(share, normal):
    with pytest.raises(
        MammoError, match=rf'normal_share={share} of {sum(normal)} normal .*normal_sources'
    ):
        share_normals(np.ones(2), np.array(normal, bool), share)
