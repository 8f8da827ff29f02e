"""A loader is timed without end; its cache is filled before."""

import pytest
import torch
from experiments import shrink

from mmseg_mammo.benchmark.loading import (
    cache_data,
    endless,
    loader_rate,
    training_data,
    workers_for,
)


@pytest.fixture
def config(prepared, tmp_path):
    return shrink('unet_cbis', prepared, tmp_path)


def test_only_the_first_images_are_taken_and_no_cache_of_the_config(config, tmp_path):
    config.train_dataloader.dataset.cache = dict(folder=str(tmp_path / 'cache'))
    assert [len(training_data(config, images)) for images in (2, 1000, None)] == [2, 4, 4]
    assert training_data(config).cache is None
    assert not (tmp_path / 'cache').exists()
    assert config.train_dataloader.dataset.cache


def test_batches_do_not_end_and_are_the_same_from_the_cache(config, tmp_path):
    plain, cached = training_data(config), training_data(config)
    assert cache_data(cached, tmp_path / 'cache')['images'] == 4
    assert cached.cache.folder == tmp_path / 'cache'
    pairs = zip(endless(config, plain, 0), endless(config, cached, 0), strict=True)
    for _ in range(5):
        one, other = next(pairs)
        assert len(one['inputs']) == 2
        assert all(map(torch.equal, one['inputs'], other['inputs']))


@pytest.mark.parametrize('workers', [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_rate_counts_all_images_and_all_processes(workers, config):
    config.train_dataloader.prefetch_factor = 3  # means nothing without workers
    found = loader_rate(config, training_data(config), workers, seconds=0.1)
    assert found['images'] >= 2
    assert found['images_per_second'] == found['images'] / found['seconds']
    assert found['cpu_seconds_per_image'] >= 0
    assert found['workers'] == workers


def test_workers_keep_up_with_a_step():
    rows = [
        dict(pixels='files', workers=0, cpu_seconds_per_image=0.1),
        dict(pixels='files', workers=4, cpu_seconds_per_image=0.5),
        dict(pixels='files', workers=2, cpu_seconds_per_image=0.2),
        dict(pixels='cache', workers=2, cpu_seconds_per_image=0.001),
        dict(pixels='DICOM', workers=0, cpu_seconds_per_image=None),
    ]
    assert workers_for(0.25, 16, rows) == {'files': 13, 'cache': 1, 'DICOM': None}
