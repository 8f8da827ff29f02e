"""Augmentation depends on seed, epoch and image alone."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import worker_init_fn
from torch.utils.data import DataLoader

from mmseg_mammo.datasets.base import MammographyDataset

PIPELINE = [
    dict(type='LoadMammogram'),
    dict(type='LoadLesionMask'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomIntensity', prob=1.0),
    dict(type='PackMammogram'),
]


@pytest.fixture
def dataset(prepared):
    return MammographyDataset(split='train', data_root=str(prepared), pipeline=PIPELINE)


def pictures(loader):
    return torch.stack([item['inputs'] for batch in loader for item in batch])


def load(dataset, workers, persistent=False):
    return DataLoader(
        dataset,
        batch_size=2,
        num_workers=workers,
        persistent_workers=persistent,
        collate_fn=list,
        worker_init_fn=lambda number: worker_init_fn(number, max(workers, 1), 0, 0),
    )


@pytest.mark.parametrize(('workers', 'persistent'), [(1, False), (2, False), (2, True)])
def test_workers_change_nothing_and_every_epoch_differs(dataset, workers, persistent):
    loader = load(dataset, workers, persistent)
    for epoch in range(2):
        dataset.set_epoch(7, epoch)
        assert torch.equal(pictures(loader), pictures(load(dataset, 0)))
    dataset.set_epoch(7, 0)
    first = pictures(loader)
    for seed, epoch in ((7, 1), (8, 0)):
        dataset.set_epoch(seed, epoch)
        assert not torch.equal(pictures(loader), first)


def test_the_kth_draw_of_an_image_is_augmented_anew(dataset):
    assert dataset[1]['data_samples'].img_path == dataset[1 + len(dataset)]['data_samples'].img_path
    assert not torch.equal(dataset[1]['inputs'], dataset[1 + len(dataset)]['inputs'])
    assert torch.equal(dataset[1]['inputs'], dataset[1]['inputs'])


def test_negative_indices_count_from_the_end_as_in_a_list(dataset):
    assert torch.equal(dataset[-1]['inputs'], dataset[3]['inputs'])
    assert torch.equal(dataset[-4]['inputs'], dataset[0]['inputs'])
    with pytest.raises(IndexError):
        dataset[-5]


def test_the_data_set_has_an_end_and_in_tests_no_index_beyond_it(dataset, prepared):
    assert len(list(dataset)) == len(dataset) == 4
    tested = MammographyDataset(data_root=str(prepared), pipeline=PIPELINE, test_mode=True)
    with pytest.raises(IndexError):
        tested[len(tested)]


def test_nobody_elses_random_numbers_are_touched(dataset):
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    dataset[0]
    assert (np.random.random(), random.random()) == expected
