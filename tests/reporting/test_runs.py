import json
import shutil

import pytest
from runs import change_run, make_runs

from mmseg_mammo.errors import MammoError
from mmseg_mammo.reporting.runs import find_runs


def copy(folder, name, **values):
    copied = shutil.copytree(folder, folder.parent / name)
    if values:
        change_run(copied, **values)
    return copied


@pytest.mark.parametrize('root', ['.', 'unet_cbis', 'unet_cbis/20260102_000000'])
def test_runs_are_found_in_a_run_folder_a_work_folder_and_a_folder_above(one, root):
    assert any(test.dataset == 'cbis_ddsm' for test in find_runs([one.parent / root]).tests)


def test_a_run_below_two_roots_counts_once(one):
    assert len(find_runs([one, one.parent]).tests) == 2


def test_a_model_is_named_after_its_config_without_the_data_set(one):
    assert find_runs([one]).models == ('unet',)


def test_a_name_goes_to_the_tests_below_its_folder(one):
    copy(one, 'other')
    runs = find_runs([one.parent], {one: 'U-Net', one.parent: 'rest'})
    assert {test.model for test in runs.tests if test.folder.parent == one} == {'U-Net'}
    assert runs.models == ('U-Net', 'rest')


def test_a_name_without_a_test_is_an_error(one, tmp_path):
    with pytest.raises(MammoError, match='--name'):
        find_runs([one], {tmp_path / 'nowhere': 'U-Net'})


def test_the_newest_test_of_a_model_checkpoint_and_data_set_wins(one):
    old = one / '20260102_000000'
    new = copy(old, '20260105_000000', started='2026-01-05T00:00:00+0000')
    runs = find_runs([one])
    assert {test.folder for test in runs.on('cbis_ddsm')} == {new}
    assert runs.left_out == ((old, 'a newer test of the same is there'),)


def test_two_checkpoints_of_one_model_are_two_models(one):
    best = 'work_dirs/unet_cbis/best_lesion_dice_epoch_2.pth'
    copy(one / '20260102_000000', '20260105_000000', checkpoint=best)
    runs = find_runs([one])
    assert {test.model for test in runs.on('cbis_ddsm')} == {
        'unet (epoch_3)',
        'unet (best_lesion_dice_epoch_2)',
    }


def test_equal_file_names_are_told_apart_by_their_folders(one):
    path = 'elsewhere/unet_adam/epoch_3.pth'
    copy(one / '20260102_000000', '20260105_000000', checkpoint=path)
    names = {test.model for test in find_runs([one]).on('cbis_ddsm')}
    assert names == {'unet (unet_cbis/epoch_3)', 'unet (unet_adam/epoch_3)'}


def test_a_relative_and_an_absolute_path_are_the_same_checkpoint(one):
    path = '/home/me/work_dirs/unet_cbis/epoch_3.pth'
    time = '2026-01-05T00:00:00+0000'
    copy(one / '20260102_000000', '20260105_000000', checkpoint=path, started=time)
    assert len(find_runs([one]).on('cbis_ddsm')) == 1


@pytest.mark.parametrize('split', ['train', 'val'])
def test_a_test_of_another_split_does_not_replace_that_of_the_test_split(one, split):
    real = one / '20260102_000000'
    data = json.loads((real / 'run.json').read_text())['data']['test']
    copy(real, '20260105_000000', data={'test': data | {'split': split}}, started='2026-01-05')
    runs = find_runs([one])
    assert [test.folder for test in runs.on('cbis_ddsm')] == [real]
    assert f'cbis_ddsm ({split} split)' in runs.datasets
    assert {test.training.dataset for test in runs.tests} == {'cbis_ddsm'}


def test_a_killed_test_is_listed_and_not_used(one):
    killed = copy(one / '20260102_000000', '20260105_000000', state='running')
    runs = find_runs([one])
    assert (killed, 'did not finish') in runs.left_out
    assert killed not in {test.folder for test in runs.tests}


def test_a_test_belongs_to_the_training_of_its_checkpoint_wherever_it_was_moved(one, tmp_path):
    one.parent.rename(tmp_path / 'moved')
    runs = find_runs([tmp_path / 'moved'])
    assert {test.training.dataset for test in runs.tests} == {'cbis_ddsm'}


def test_a_checkpoint_of_another_work_folder_has_no_training(one):
    change_run(one / '20260102_000000', checkpoint='work_dirs/other_cbis/epoch_3.pth')
    runs = find_runs([one])
    assert [test.training for test in runs.on('cbis_ddsm')] == [None]
    assert any('its training is not below' in warning for warning in runs.warnings)


def test_the_data_set_of_the_training_comes_first(made):
    assert find_runs([made]).datasets == ('cbis_ddsm', 'zgt')


def test_no_run_and_no_folder_are_errors_that_name_the_folder(tmp_path):
    with pytest.raises(MammoError, match='no finished test'):
        find_runs([tmp_path])
    with pytest.raises(MammoError, match='nowhere: no such folder'):
        find_runs([tmp_path / 'nowhere'])


@pytest.mark.parametrize('name', ['test.json', 'per_image_test.csv', 'lesions_test.csv'])
def test_a_missing_file_is_named_with_what_to_do(one, name):
    (one / '20260102_000000' / name).unlink()
    with pytest.raises(MammoError, match=f'20260102_000000: missing {name}.*Test again'):
        find_runs([one])


def test_a_table_of_an_older_version_says_to_test_again(one):
    path = one / '20260102_000000' / 'per_image_test.csv'
    path.write_text(path.read_text().replace(',key,', ',name,', 1))
    with pytest.raises(MammoError, match=r'missing column key.*Test again'):
        find_runs([one])


def test_data_sets_never_share_file_names(made):
    runs = find_runs([made])
    assert len({runs.slug(dataset) for dataset in runs.datasets}) == 2


def test_tests_with_other_settings_are_not_silently_the_same(tmp_path):
    make_runs(tmp_path, ['sam_finetune'], images=8, sam=('sam_finetune',))
    first = tmp_path / 'sam_finetune_cbis' / '20260103_000000'
    shutil.copytree(first, first.with_name('20260104_000000'))
    again = json.loads((first / 'run.json').read_text()) | {'started': '2026-01-04T00:00:00'}
    (first.with_name('20260104_000000') / 'run.json').write_text(json.dumps(again))
    assert not any('several settings' in warning for warning in find_runs([tmp_path]).warnings)
    other = json.dumps(again | {'config_sha256': 'another'})
    (first.with_name('20260104_000000') / 'run.json').write_text(other)
    runs = find_runs([tmp_path])
    assert (first, 'a newer test of the same is there, with other settings') in runs.left_out
    assert 'sam_finetune on zgt: tested with several settings' in ' '.join(runs.warnings)


def with_data(folder, name, path, index, **more):
    """A copy of a test, of the data set at ``path``; newer than the original."""
    data = json.loads((folder / 'run.json').read_text())['data']['test']
    data |= {'data_root': path, 'index_sha256': index, **more}
    time = f'{name[:4]}-{name[4:6]}-{name[6:8]}T00:00:00+0000'
    return copy(folder, name, data={'test': data}, started=time)


def test_two_hospitals_in_folders_of_one_name_are_two_data_sets(one):
    first = with_data(one / '20260103_000000', '20260105_000000', '/a/north/prepared', 'a' * 64)
    second = with_data(first, '20260106_000000', '/a/south/prepared', 'b' * 64)
    runs = find_runs([one])
    assert [test.folder for test in runs.on('north/prepared')] == [first]
    assert [test.folder for test in runs.on('south/prepared')] == [second]
    assert runs.slug('north/prepared') == 'north_prepared'
    assert not runs.left_out


def test_a_training_elsewhere_under_the_same_name_is_not_the_source(one):
    shutil.rmtree(one / '20260102_000000')
    with_data(one / '20260103_000000', '20260105_000000', 'other/cbis_ddsm', 'a' * 64)
    runs = find_runs([one])
    assert 'other/cbis_ddsm' in runs.datasets
    assert {test.training.dataset for test in runs.tests} == {'data/cbis_ddsm'}
    assert any('never tested on data/cbis_ddsm' in warning for warning in runs.warnings)


def test_a_data_set_that_was_moved_is_the_same(one):
    index = f'{"zgt":0<64}'
    moved = with_data(one / '20260103_000000', '20260105_000000', '/new/disk/zgt', index)
    runs = find_runs([one])
    assert [test.folder for test in runs.on('zgt')] == [moved]
    assert runs.left_out == ((one / '20260103_000000', 'a newer test of the same is there'),)
    assert not any('equal index.csv' in warning for warning in runs.warnings)


def test_equal_tables_in_folders_of_two_names_are_said(one):
    index = f'{"zgt":0<64}'
    with_data(one / '20260103_000000', '20260105_000000', 'data/zgt_1024', index)
    runs = find_runs([one])
    assert 'unet on zgt_1024: tested in folders with equal index.csv' in ' '.join(runs.warnings)
    assert runs.left_out[0][1] == 'a newer test of the same is there, in zgt_1024'


@pytest.mark.parametrize('path', ['data/zgt', '/elsewhere/data/zgt'])
def test_a_folder_that_was_prepared_again_is_two_data_sets(one, path):
    with_data(one / '20260103_000000', '20260105_000000', path, 'a' * 64)
    runs = find_runs([one])
    assert sorted(runs.datasets)[1:] == ['zgt (index aaaaaaaa)', 'zgt (index zgt00000)']
    assert 'zgt: the models were tested on different versions of index.csv' in runs.warnings
    assert len({runs.slug(dataset) for dataset in runs.datasets}) == 3


def test_names_that_differ_in_signs_only_have_files_of_their_own(one):
    names = ['a b', 'a-b', 'a_b_2', 'Ä', '+']
    for number, name in enumerate(names):
        with_data(one / '20260103_000000', f'202601{10 + number}_000000', name, f'{number:0>64}')
    runs = find_runs([one])
    assert set(names) < set(runs.datasets)
    assert len({runs.slug(dataset) for dataset in runs.datasets}) == len(runs.datasets)


def test_a_test_without_marks_outside_the_breast_stands_beside_the_other(one):
    output = dict(threshold=0.5, trained_threshold=0.5, temperature=1.0, breast_only=True)
    copy(one / '20260102_000000', '20260105_000000', test_output=output)
    runs = find_runs([one])
    assert runs.models == ('unet', 'unet, breast only')
    assert not runs.left_out
    named = find_runs([one], {one: 'U-Net'})
    assert named.models == ('U-Net', 'U-Net, breast only')
