"""Tuning: complete without a split for validation, and the start looked at once."""

import pytest
from mmengine.config import Config

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.few.tuning import (
    divide,
    final_config,
    open_journal,
    share_start,
    tuning_config,
)


@pytest.fixture
def few():
    return Config.fromfile(find_config('few/unet_full'))


def test_an_index_without_validation_is_divided_too(few, start, prepared, tmp_path):
    names = {f'images/{number}.png': 'train' for number in range(6)}
    part = write_part(prepared, tmp_path / 'data' / 'index.csv', names)
    division, images = divide(part.parent, 'index.csv', tmp_path / 'work', 5, 0)
    assert (images, division.count) == (6, 3)  # as many folds as patients
    full = tuning_config(few, start, part.parent, 'index.csv', division, False)
    assert full.val_dataloader.dataset.split == 'val'
    assert full.test_dataloader.dataset.ann_file == 'index.csv'


def test_all_images_are_trained_on_in_the_end_and_none_is_validated(few, start, prepared, tmp_path):
    division, _ = divide(prepared, 'index.csv', tmp_path / 'work', 3, 0)
    full = tuning_config(few, start, prepared, 'index.csv', division, False)
    final = final_config(full, division, 50)
    assert final.val_dataloader is None
    assert final.custom_hooks[-1] == dict(type='StopAtStepHook', steps=50)
    assert final.train_cfg.max_iters == full.train_cfg.max_iters
    assert final.train_dataloader.dataset.ann_file.endswith('all_train.csv')


def test_a_journal_that_was_begun_otherwise_is_refused(tmp_path):
    open_journal(tmp_path / 'few.json', True, {'folds': 3}, images=6)
    journal = open_journal(tmp_path / 'few.json', True, {'folds': 3}, images=6)
    assert journal.facts('divided')['images'] == 6
    with pytest.raises(MammoError, match='folds is 4, was 3'):
        open_journal(tmp_path / 'few.json', True, {'folds': 4})


def test_what_one_tuning_saw_of_the_start_another_has(tmp_path, prepared):
    from mmseg_mammo.studies.few.tuning import Tuning

    tunings = []
    for name in ('one', 'two'):
        division, _ = divide(prepared, 'index.csv', tmp_path / name, 3, 0)
        journal = open_journal(tmp_path / name / 'few.json', True, {})
        tunings.append(Tuning(Config(), tmp_path, division, journal, 0))
    (tmp_path / 'one' / 'held_out').mkdir()
    (tmp_path / 'one' / 'held_out' / 'start.npz').write_bytes(b'x')
    share_start(*tunings)
    assert (tmp_path / 'two' / 'held_out' / 'start.npz').read_bytes() == b'x'
    assert tunings[1].journal.facts('start')
