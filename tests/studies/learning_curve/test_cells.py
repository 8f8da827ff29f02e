import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.learning_curve.cells import Cell, labels_of, plan_cells, read_counts


def test_the_start_comes_first_then_small_counts_of_all_configs_and_seeds():
    found = plan_cells(['full', 'bias'], ['all', '5', '0'], 2)
    assert [cell.folder for cell in found] == [
        'start',
        'full/count_5/seed_0',
        'bias/count_5/seed_0',
        'full/count_5/seed_1',
        'bias/count_5/seed_1',
        'full/count_all/seed_0',
        'bias/count_all/seed_0',
        'full/count_all/seed_1',
        'bias/count_all/seed_1',
    ]
    assert found[0].is_start
    assert found[0].key() == {'config': 'start', 'count': '0', 'seed': '', 'fold': ''}


def test_configs_share_the_images_of_a_count_and_a_seed():
    parts = {cell.part for cell in plan_cells(['full', 'bias'], ['5', '10'], 3)}
    assert len(parts) == 6


def test_test_folds_are_cells_of_their_own():
    found = plan_cells(['full'], ['0', '5'], 1, test_folds=3)
    assert [cell.fold for cell in found] == [None, 1, 2, 3]
    assert found[3].folder == 'full/count_5/seed_0/fold_3'
    assert found[3].part == 'count_5_seed_0_fold_3.csv'
    assert Cell('full', '5', 0, 3).key()['fold'] == '3'


def test_counts_that_reach_the_pool_are_all_of_it():
    assert read_counts(['160', '80', '5', '05'], 80, 'images') == ['5', 'all']
    for wrong in ('-1', '5.0', 'some', '²'):
        with pytest.raises(MammoError, match=f'--counts {wrong}. Allowed: numbers of images, and'):
            read_counts([wrong], 80, 'images')


def test_configs_are_called_by_their_stems():
    assert labels_of(['few/unet_full', 'own/bias.py']) == {
        'unet_full': 'few/unet_full',
        'bias': 'own/bias.py',
    }
    with pytest.raises(MammoError, match=r'mine/unet_full.py: would be called unet_full, as few/'):
        labels_of(['few/unet_full', 'mine/unet_full.py'])
    with pytest.raises(MammoError, match='would be called start'):
        labels_of(['start.py'])
