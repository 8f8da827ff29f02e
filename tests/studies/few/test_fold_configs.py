"""Fold configs: who trains, who is validated, and what the model of all is."""

import pytest
from experiments import shrink
from few_tunings import tuning
from mmengine.config import Config

from mmseg_mammo.engine.config.test_output import threshold_of, trained_threshold
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.folds.segmentor import fold_key
from mmseg_mammo.studies.few.fold_configs import (
    check_tuned,
    dataset_of,
    fold_config,
    fold_splits,
    follows_validation,
    joined_config,
    learned_rows,
    place_of,
)

FOLDS = {'a': 1, 'b': 2, 'c': 3}


def test_a_fold_is_validated_and_the_others_train():
    assert fold_splits(FOLDS, 2, 3, inner=False) == {'a': 'train', 'b': 'val', 'c': 'train'}


def test_a_training_that_follows_its_validation_never_sees_its_fold():
    for fold in (1, 2, 3):
        splits = fold_splits(FOLDS, fold, 3, inner=True)
        held = next(name for name, own in FOLDS.items() if own == fold)
        assert splits[held] == 'test'
        assert sorted(splits.values()) == ['test', 'train', 'val']


def test_it_is_known_which_recipes_follow_their_validation(prepared):
    assert follows_validation(shrink('unet_cbis', prepared, 'work'))
    assert not follows_validation(shrink('unet_strong_cbis', prepared, 'work'))


def test_a_fold_has_its_own_folder_part_and_names(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'work')
    own = fold_config(cfg, 2, tmp_path / 'fold_2.csv')
    assert own.work_dir == str(tmp_path / 'work' / 'fold_2')
    assert own.train_dataloader.dataset.ann_file == str(tmp_path / 'fold_2.csv')
    assert (own.train_dataloader.dataset.split, own.val_dataloader.dataset.split) == (
        'train',
        'val',
    )
    assert own.test_dataloader == cfg.test_dataloader
    assert cfg.train_dataloader.dataset.get('ann_file') != str(tmp_path / 'fold_2.csv')


def test_the_images_are_those_of_train_and_validation_that_the_data_set_keeps(prepared):
    settings = dict(type='MammographyDataset', data_root=str(prepared))
    names = [row.image for row in learned_rows(settings)]
    assert names == [f'images/{number}.png' for number in range(6)]
    masses = [row.image for row in learned_rows({**settings, 'finding': 'mass'})]
    assert masses == [f'images/{number}.png' for number in (0, 2, 3, 4, 5)]


def test_the_folder_of_a_data_set_is_that_of_its_index(prepared, tmp_path):
    assert place_of({'data_root': str(prepared)}) == (prepared, 'index.csv')
    assert place_of({'ann_file': str(tmp_path / 'x.csv')}) == (tmp_path, 'x.csv')
    assert place_of({'data_root': 'd', 'ann_file': str(tmp_path / 'x.csv')}) == (tmp_path, 'x.csv')
    with pytest.raises(MammoError, match='names no data_root'):
        place_of({})


def test_several_data_sets_are_refused(prepared):
    cfg = shrink('unet_strong_cbis', prepared, 'work')
    one = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, one])
    with pytest.raises(MammoError, match='trains on 2 data sets'):
        dataset_of(cfg)
    cfg.train_dataloader.dataset = {**one, 'normal_sources': ['x']}
    with pytest.raises(MammoError, match='other folders are not divided'):
        dataset_of(cfg)


def test_the_model_of_all_has_the_threshold_of_its_members_and_names_no_image(prepared):
    cfg = shrink('unet_strong_cbis', prepared, 'work')
    rows = learned_rows(dataset_of(cfg))
    folds = {row.image: 1 + number % 2 for number, row in enumerate(rows)}
    joined = joined_config(cfg, folds, 2, rows)
    assert threshold_of(joined) == threshold_of(cfg) == trained_threshold(joined)
    assert joined.model.folds[fold_key('test', 'images/1.png')] == 2
    assert 'images/' not in joined.pretty_text.replace('index', '')
    assert 'train_dataloader' not in joined


def test_a_model_that_is_not_joined_is_refused():
    cfg = Config({'model': {'type': 'SAMSegmentor'}}, filename='x.py', cfg_text='#')
    with pytest.raises(MammoError, match=r'--folds with model\.type=SAMSegmentor'):
        joined_config(cfg, {}, 2, [])


def test_a_training_by_epochs_is_refused(prepared, start, tmp_path):
    with pytest.raises(MammoError, match='EpochBasedTrainLoop'):
        check_tuned(shrink('unet_strong_cbis', prepared, 'work'))
    cfg = tuning('unet_full', start, prepared, tmp_path / 'work')
    check_tuned(cfg)
    cfg.param_scheduler = [dict(type='ReduceOnPlateauLR', monitor='val_loss')]
    with pytest.raises(MammoError, match='follows the validation'):
        check_tuned(cfg)
