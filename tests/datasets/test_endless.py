"""Endless sampler: each round has all images, each draw of one is another, and it goes on anywhere."""

import itertools

import pytest

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.endless import EndlessSampler
from mmseg_mammo.errors import MammoError


@pytest.fixture
def dataset(prepared):
    return MammographyDataset(data_root=str(prepared), split='train')


def first(sampler, count):
    return list(itertools.islice(iter(sampler), count))


def test_rounds_are_shuffled_and_draws_of_an_image_differ(dataset):
    size = len(dataset)
    drawn = first(EndlessSampler(dataset=dataset, seed=0), 6 * size)
    rounds = [drawn[start : start + size] for start in range(0, 6 * size, size)]
    for number, one in enumerate(rounds):
        assert sorted(one) == [number * size + image for image in range(size)]
    assert len({tuple(index % size for index in one) for one in rounds}) > 1
    assert len(EndlessSampler(dataset=dataset, seed=0)) == size


def test_it_goes_on_behind_what_was_drawn(dataset):
    whole = first(EndlessSampler(dataset=dataset, seed=0), 20)
    sampler = EndlessSampler(dataset=dataset, seed=0)
    sampler.skip(7)
    assert first(sampler, 13) == whole[7:]
    assert first(EndlessSampler(dataset=dataset, seed=1), 20) != whole


def test_processes_share_a_draw(dataset, monkeypatch):
    whole = first(EndlessSampler(dataset=dataset, seed=0), 20)
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(
            'mmseg_mammo.datasets.endless.get_dist_info', lambda rank=rank: (rank, 2)
        )
        sampler = EndlessSampler(dataset=dataset, seed=0)
        sampler.skip(2)
        parts.append(first(sampler, 8))
    assert parts == [whole[4:20:2], whole[5:20:2]]


def test_another_data_set_would_not_know_the_repeats():
    with pytest.raises(MammoError, match='MammographyDataset'):
        EndlessSampler(dataset=[1, 2, 3])
