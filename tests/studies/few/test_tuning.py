"""Tuning: complete without a split for validation, and the start looked at once."""

import pytest
from mmengine.config import Config

from mmseg_mammo.engine import work_dir
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.few.tuning import (
    divide,
    final_config,
    open_journal,
    open_tuning,
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


@pytest.mark.parametrize('resume', [True, False])
def test_another_number_of_folds_is_told_before_a_part_is_written(
    resume, few, start, prepared, tmp_path
):
    def begin(folds, resume):
        try:
            given = ('index.csv', folds, 0, False, resume)
            open_tuning(few, start, prepared, tmp_path / 'work', *given)
        finally:
            work_dir._held.pop().release()

    begin(3, False)
    before = sorted((tmp_path / 'work').rglob('*'))
    said = 'folds is 2, was 3.*the options that it began with' if resume else 'holds another'
    with pytest.raises(MammoError, match=said):
        begin(2, resume)
    assert sorted((tmp_path / 'work').rglob('*')) == before


def test_a_config_that_does_not_fit_leaves_no_folder_behind(few, start, prepared, tmp_path):
    given = (start, prepared, tmp_path / 'work', 'index.csv', 3, 0)
    setr, plain = (Config.fromfile(find_config(name)) for name in ('few/setr_vpt', 'unet_cbis'))
    for cfg, said in (setr, 'tunes setr, and the checkpoint is unet'), (plain, 'not made to start'):
        with pytest.raises(MammoError, match=said):
            open_tuning(cfg, *given, False, False)
    few.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    with pytest.raises(MammoError, match='IterBasedTrainLoop with a validation'):
        open_tuning(few, *given, False, False)
    assert not (tmp_path / 'work').exists()


def test_no_checkpoint_is_overwritten(few, start, prepared, tmp_path):
    work = tmp_path / 'work'
    work.mkdir()
    best = work / 'best.pth'
    best.write_bytes(start.read_bytes())
    for begun, said in (best, 'the tuned checkpoint would overwrite it'), (start, 'would be overw'):
        for resume in True, False:
            with pytest.raises(MammoError, match=said):
                open_tuning(few, begun, prepared, work, 'index.csv', 3, 0, False, resume)
    assert list(work.iterdir()) == [best]


@pytest.mark.parametrize('folds', [1, 0, -1])
def test_too_few_folds_tell_of_none(folds, prepared, tmp_path):
    with pytest.raises(MammoError, match=f'--folds {folds}.*--folds 0 for one training without'):
        divide(prepared, 'index.csv', tmp_path, folds, 0)


def test_a_schedule_that_never_begins_leaves_no_folder_behind(few, start, prepared, tmp_path):
    few.train_cfg.max_iters = 6
    few.param_scheduler = [dict(type='CosineAnnealingLR', begin=20, by_epoch=False)]
    with pytest.raises(MammoError, match='max_iters=21 or more'):
        open_tuning(few, start, prepared, tmp_path / 'work', 'index.csv', 3, 0, False, False)
    assert not (tmp_path / 'work').exists()


def test_one_patient_leaves_no_folder_behind(few, start, prepared, tmp_path):
    one = {'images/0.png': 'train', 'images/1.png': 'train'}
    part = write_part(prepared, tmp_path / 'data' / 'index.csv', one)
    with pytest.raises(MammoError, match='of one patient'):
        open_tuning(few, start, part.parent, tmp_path / 'work', 'index.csv', 5, 0, False, False)
    assert not (tmp_path / 'work').exists()
