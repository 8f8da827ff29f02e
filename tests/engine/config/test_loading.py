import argparse

import pytest
from mmengine.config import Config
from mmengine.dataset import ConcatDataset
from prepared_sets import write_prepared

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.engine.config import loading
from mmseg_mammo.engine.config.loading import (
    CacheChoice,
    build_cached,
    cache_folders,
    drop_worker_settings,
    read_cache,
    use_cache,
    with_defaults,
    without_cache,
)
from mmseg_mammo.errors import MammoError

STEPS = [{'type': name} for name in ('ReadMammogram', 'MapIntensity', 'PackMammogram')]


def config(folder='data', **more):
    data = {'type': 'MammographyDataset', 'data_root': str(folder), 'pipeline': STEPS, **more}
    return Config({'train_dataloader': {'dataset': data}, 'val_dataloader': {'dataset': data}})


def words(folder=None, limit=None):
    return argparse.Namespace(cache_dir=folder, cache_limit=limit)


def test_settings_of_workers_go_with_the_workers():
    cfg = Config({'train_dataloader': {'num_workers': 0, 'persistent_workers': True}})
    drop_worker_settings(cfg)
    assert 'persistent_workers' not in cfg.train_dataloader


def test_fast_settings_where_the_config_says_nothing():
    collate = {'type': 'packed_collate'}
    fast = {'persistent_workers': True, 'prefetch_factor': 4, 'collate_fn': collate}
    own = {'num_workers': 2, 'persistent_workers': False, 'prefetch_factor': 1, 'pin_memory': False}
    own['collate_fn'] = {'type': 'default_collate'}

    assert with_defaults({'num_workers': 2}, False) == {'num_workers': 2, **fast}
    assert with_defaults({'num_workers': 2}, True) == {'num_workers': 2, 'pin_memory': True, **fast}
    assert with_defaults({'num_workers': 0}, False) == {'num_workers': 0}
    assert with_defaults(own, True) == own
    built = object()
    assert with_defaults(built, True) is built


def test_the_command_line_counts_more_than_the_config():
    cfg = config(cache={'folder': 'theirs'})

    assert read_cache(words(), cfg) == CacheChoice()
    assert cfg.train_dataloader.dataset.cache == {'folder': 'theirs'}
    assert read_cache(words('mine', '2GB'), cfg) == CacheChoice('mine', '2GB')
    assert 'cache' not in cfg.train_dataloader.dataset
    assert read_cache(words('none'), config()) is None


@pytest.mark.parametrize('given', [words('none', '1GB'), words(None, 'much')])
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(MammoError, match='cache'):
        read_cache(given, config())


def test_stored_settings_know_of_no_cache():
    settings = {
        'model': {'cache': 1},
        'train_dataloader': {'dataset': {'datasets': [{'cache': {}, 'a': (1,)}]}},
    }

    assert without_cache(settings) == {
        'model': {'cache': 1},
        'train_dataloader': {'dataset': {'datasets': [{'a': (1,)}]}},
    }


def test_settings_of_that_name_of_others_stay():
    theirs = {'train_dataloader': {'dataset': {'cache': 'ram', 'pipeline': [{'cache': {'a': 1}}]}}}
    cfg = Config(theirs)
    read_cache(words('none'), cfg)

    assert cfg.to_dict() == theirs == without_cache(theirs)


def test_members_of_wrappers_get_a_cache_and_keep_their_own(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    one = MammographyDataset(data_root=str(folder), pipeline=STEPS, cache={'limit': '7MB'})
    other = MammographyDataset(data_root=str(folder), pipeline=STEPS)

    lines = [*use_cache(ConcatDataset([one, other]), CacheChoice(tmp_path / 'c', '3MB'))]

    assert [data.cache.limit for data in (one, other)] == [7_000_000, 3_000_000]
    assert '7 MB' in lines[0]
    assert str(tmp_path / 'c') in lines[1]


def test_one_folder_of_two_kinds_of_steps_is_told_once(tmp_path):
    # The first one fills its part before the second is made: the folder takes more by then.
    folder = write_prepared(tmp_path / 'set', 2)
    one = MammographyDataset(data_root=str(folder), pipeline=STEPS)
    equal = [*STEPS[:2], {'type': 'MammoCLAHE'}, STEPS[2]]
    other = MammographyDataset(data_root=str(folder), pipeline=equal)
    told, lines = set(), []
    for data in (one, other):
        lines += use_cache(data, CacheChoice(), told)
        data[0]

    assert len(list((folder / 'cache').iterdir())) == 2
    assert len(lines) == 1


def test_without_a_place_a_training_goes_on_unless_one_was_asked_for(tmp_path):
    data = MammographyDataset(
        data_root=str(write_prepared(tmp_path / 'set', 2)), pipeline=STEPS, lazy_init=True
    )
    (tmp_path / 'file').write_text('')
    with pytest.raises(MammoError, match='--cache-dir'):
        list(use_cache(data, CacheChoice(tmp_path / 'file' / 'x')))
    with pytest.MonkeyPatch.context() as patch:

        def refuse(*_):
            raise MammoError('no place')

        patch.setattr('mmseg_mammo.datasets.step_cache.find_folder', refuse)
        assert list(use_cache(data, CacheChoice())) == ['Cache: none. no place.']
    assert data.cache is None


def test_sets_of_a_config_are_built_with_their_caches(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    cfg = config(folder)
    told = []

    found = build_cached(cfg, CacheChoice(), told.append)

    assert list(found) == ['train', 'val']
    assert len(told) == 1
    assert str(folder / 'cache') in told[0]


def test_folders_to_clear(tmp_path, monkeypatch):
    assert cache_folders(config('here'), 'asked') == [loading.Path('asked')]
    temporary = tmp_path / 'temporary'
    temporary.mkdir()
    monkeypatch.setattr(loading, 'temporary_folder', lambda index: temporary)
    assert cache_folders(config('here'), None) == [loading.Path('here'), temporary]
