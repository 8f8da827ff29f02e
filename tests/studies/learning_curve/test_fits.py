import copy
from pathlib import Path

import pytest
from experiments import shrink
from learning_curves import tiny_few
from mmengine.config import Config

from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.in_turn import train_in_turn
from mmseg_mammo.studies.learning_curve.fits import (
    Data,
    FoldFit,
    PlainFit,
    auto_config,
    cell_config,
    members_of,
)
from mmseg_mammo.studies.learning_curve.results import run_test


@pytest.fixture
def data(tmp_path, hospital):
    images = {f'images/{n:02d}.png': 'train' for n in range(6)}
    return Data(hospital, write_part(hospital, tmp_path / 'parts' / 'six.csv', images))


def test_a_tuning_reads_the_part_and_validates_nothing(few, start, data):
    found = cell_config(few, start, data)
    assert found.load_from == str(start)
    assert found.train_dataloader.dataset.ann_file == str(data.part)
    assert found.train_dataloader.dataset.data_root == str(data.root)
    assert not {'val_dataloader', 'val_cfg', 'val_evaluator'} & set(found)
    assert 'tuning' in few


def test_a_config_without_a_start_begins_by_itself_and_keeps_its_last_weights(data, tmp_path):
    cfg = shrink('strong/unet_strong_cbis', data.root, tmp_path / 'w', epochs=2)
    found = cell_config(cfg, None, data)
    assert found.train_dataloader.dataset.ann_file == str(data.part)
    assert found.default_hooks.checkpoint.save_best is None
    assert cfg.default_hooks.checkpoint.save_best is not None
    assert 'val_dataloader' in cfg


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('two_stage/unet_unet_cbis', 'no training of one stage'),
        ('unet_adam_cbis', 'follow a validation, of which a learning curve has none'),
    ],
)
def test_configs_without_a_length_of_their_own_are_refused(name, said, data):
    from mmseg_mammo.engine.config.load import read_config

    with pytest.raises(MammoError, match=said):
        cell_config(read_config(name), None, data)


def test_a_plain_fit_ends_in_a_checkpoint_that_any_test_takes(few, start, data, tmp_path):
    checkpoint = PlainFit(train_in_turn)(few, start, data, tmp_path / 'fit', 0)
    assert checkpoint == tmp_path / 'fit' / 'best.pth'
    run = run_test(checkpoint, data.root, None, tmp_path / 'test')
    assert (run / 'per_image_test.csv').is_file()


@pytest.mark.slow
def test_a_fold_fit_chooses_or_keeps_the_start(few, start, data, tmp_path):
    checkpoint = FoldFit(train_in_turn, 2)(few, start, data, tmp_path / 'fit', 0)
    assert checkpoint.is_file()


def test_folds_are_for_tunings(start, data, tmp_path):
    with pytest.raises(MammoError, match=r'--folds 5 with .*, which tunes no checkpoint'):
        FoldFit(train_in_turn, 5)(
            Config({}, cfg_text='#', filename='a.py'), start, data, tmp_path, 0
        )


def test_one_patient_is_trained_without_folds(few, start, hospital, tmp_path):
    part = write_part(hospital, tmp_path / 'parts' / 'one.csv', {'images/01.png': 'train'})
    own = copy.deepcopy(few)
    own.optim_wrapper.optimizer.lr = 0.01
    checkpoint = FoldFit(train_in_turn, 5)(own, start, Data(hospital, part), tmp_path / 'fit', 0)
    assert checkpoint == tmp_path / 'fit' / 'best.pth'
    record = read_record(checkpoint)
    assert 'few' not in record
    assert record['trained_on']['train']['images'] == 1


def test_auto_chooses_among_tunings_in_each_cell(few, start, data, tmp_path):
    tunings = {'few/unet_head': tiny_few('unet_head'), 'few/unet_full': few}
    cfg = auto_config(tunings, 60)
    assert list(members_of(cfg)) == list(tunings)
    assert [Path(one.filename).stem for one in members_of(cfg).values()] == [
        'unet_head',
        'unet_full',
    ]
    checkpoint = FoldFit(train_in_turn, 2)(cfg, start, data, tmp_path / 'fit', 0)
    assert checkpoint == tmp_path / 'fit' / 'best.pth'
    tried = read_record(checkpoint)['few']['tried']
    assert [row['tuning'] for row in tried] == ['start as it is', 'start', *tunings]
    assert len({*tmp_path.glob('fit/*/fold_1/*/run.json')}) == 2
    with pytest.raises(MammoError, match=r'folds choose among its tunings.*--folds 5'):
        PlainFit(train_in_turn)(cfg, start, data, tmp_path / 'plain', 0)
    with pytest.raises(MammoError, match='--minutes 0'):
        auto_config(tunings, 0)


def test_another_budget_is_another_config(few):
    one, other = (config_hash(auto_config({'few/unet_full': few}, minutes)) for minutes in (1, 2))
    assert one != other
