"""Folds: what a cross-validation leaves, and that each image is scored by the model that never saw it."""

import copy
import csv
import json

import pytest
import torch
from fold_trainings import train
from mmseg.registry import DATASETS

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.index import read_index
from mmseg_mammo.reporting.runs import find_runs


def test_it_leaves_a_training_for_each_fold_one_checkpoint_and_a_test(divided):
    _, work = divided
    assert [list((work / f'fold_{n}').glob('*/run.json')) != [] for n in (1, 2, 3)] == [True] * 3
    assert read_record(work / 'folds.pth')['model'] == 'FoldSegmentor'
    [test] = work.glob('*/test.json')
    rows = list(csv.DictReader((test.parent / 'per_image_test.csv').open()))
    assert [row['image'] for row in rows] == [f'images/{n}.png' for n in range(6)]
    steps = json.loads((work / 'folds.json').read_text())
    assert list(steps) == ['divided', 'fold_1', 'fold_2', 'fold_3', 'joined', 'tested']


def test_each_image_is_tested_by_the_model_that_never_saw_its_patient(divided):
    """Its mask is the one that the last weights of its own fold give, not those of another."""
    _, work = divided
    model = load_model(None, work / 'folds.pth')
    folds = {}
    for number in (1, 2, 3):
        for row in read_index(work / 'parts' / f'fold_{number}.csv'):
            if row.split == 'val':
                folds[row.image] = (number, row.patient_id)
    assert len(folds) == 6
    cfg = model.cfg.test_dataloader.dataset
    cfg.ann_file = str(work / 'parts' / 'all.csv')
    data = DATASETS.build(cfg)
    for item in data:
        [found] = model.test_step({key: [value] for key, value in copy.deepcopy(item).items()})
        number, patient = folds[found.metainfo['image']]
        assert found.metainfo['fold'] == number
        train_rows = [
            r for r in read_index(work / 'parts' / f'fold_{number}.csv') if r.split == 'train'
        ]
        assert patient not in {row.patient_id for row in train_rows}
        last = torch.load(work / f'fold_{number}' / 'epoch_1.pth', weights_only=False)['state_dict']
        own = model.members[number - 1].state_dict()
        assert all(own[name].equal(last[name]) for name in own)


def test_a_test_on_the_images_again_and_the_report_know_the_folds(divided, tmp_path):
    _, work = divided
    runs = find_runs([work])
    [test] = runs.tests
    assert test.model == 'tiny, 3 folds'
    assert test.training is not None
    assert len(test.images) == 6


def test_what_was_trained_is_not_trained_again_and_another_training_is_refused(divided):
    config, work = divided
    before = (work / 'folds.pth').read_bytes()
    train(config, '--folds', 3, '--work-dir', work, '--resume')
    assert (work / 'folds.pth').read_bytes() == before
    with pytest.raises(SystemExit) as error:
        train(config, '--folds', 3, '--work-dir', work)
    assert 'would be overwritten' in str(error.value)
    with pytest.raises(SystemExit) as error:
        train(config, '--folds', 2, '--work-dir', work, '--resume')
    assert 'folds is 2, was 3' in str(error.value)


def test_info_and_card_know_it(divided, capsys):
    _, work = divided
    main(['info', str(work / 'folds.pth')])
    said = capsys.readouterr().out
    assert '3 models, each trained without one fold of 6 images' in said
    assert (work / 'card.md').is_file()


def test_two_stages_are_refused(prepared, tmp_path):
    with pytest.raises(SystemExit) as error:
        train('unet_unet_cbis', '--folds', 3, '--work-dir', tmp_path)
    assert 'two stages' in str(error.value)
