import json
import shutil

import numpy as np
import pytest
from runs import make_rows, make_runs, make_test, predict

from mmseg_mammo.reporting.consistency import find_warnings
from mmseg_mammo.reporting.runs import find_runs


@pytest.fixture
def one(tmp_path):
    """The work folder of one model with a training and two tests."""
    make_runs(tmp_path / 'work_dirs', ['unet'], images=8)
    return tmp_path / 'work_dirs' / 'unet_cbis'


def change(folder, mode, **data):
    path = folder / 'run.json'
    run = json.loads(path.read_text())
    run['data'][mode] |= data
    path.write_text(json.dumps(run))


def warnings(root):
    runs = find_runs([root])
    assert list(runs.warnings) == find_warnings(runs.tests)
    return runs.warnings


def test_runs_that_fit_together_need_no_warning(one):
    assert not warnings(one)


def test_another_grid_is_a_warning(one):
    path = one / '20260103_000000' / 'test.json'
    summary = json.loads(path.read_text())
    path.write_text(json.dumps(summary | {'evaluator': {'eval_size': 224}}))
    assert warnings(one) == (
        'unet on zgt: masks were compared on a grid of 224×224 (eval_size), not on their own',
        'unet: its tests compare masks on different grids; no drop between them',
    )


def test_a_model_that_was_never_tested_on_its_source_is_a_warning(one):
    shutil.rmtree(one / '20260102_000000')
    assert warnings(one) == (
        'unet: never tested on cbis_ddsm, which it was trained on; no drop to its targets',
    )


def test_another_split_of_the_source_is_not_its_test(one):
    change(one / '20260102_000000', 'test', split='val')
    assert any('never tested on cbis_ddsm,' in warning for warning in warnings(one))


def test_a_test_of_another_finding_than_that_of_the_training_is_a_warning(one):
    change(one / '20260103_000000', 'test', finding='mass')
    assert warnings(one) == (
        'unet on zgt (mass only): trained on all findings, tested on mass only',
    )
    change(one / '20260101_000000', 'train', finding='mass')
    found = warnings(one)
    assert 'unet on cbis_ddsm: trained on mass only, tested on all findings' in found
    assert (
        'unet: never tested on cbis_ddsm (mass only), which it was trained on; no drop to its '
        'targets' in found
    )
    change(one / '20260102_000000', 'test', finding='mass')
    assert not warnings(one)


def test_a_training_on_several_data_sets_is_read_by_its_members(one):
    path = one / '20260101_000000' / 'run.json'
    run = json.loads(path.read_text())
    members = [run['data']['train'], run['data']['train'] | {'data_root': 'data/other'}]
    run['data']['train'] = {'type': 'ConcatDataset', 'members': members}
    path.write_text(json.dumps(run))
    (found,) = warnings(one)
    assert 'never tested on cbis_ddsm + other' in found


def test_another_index_under_the_same_name_is_a_warning(made, tmp_path):
    copied = shutil.copytree(made, tmp_path / 'copied')
    assert not warnings(copied)
    change(copied / 'unet_cbis' / '20260103_000000', 'test', index_sha256='f' * 64)
    assert warnings(copied) == ('zgt: the models were tested on different versions of index.csv',)


def test_other_images_under_the_same_name_are_a_warning(tmp_path):
    facts = make_rows('zgt', 8, 0.5, 0)
    for model, rows in (('a', facts), ('b', facts[1:])):
        make_test(
            tmp_path / model / '20260102_000000',
            model,
            'zgt',
            predict(rows, np.random.default_rng(0), 0.5),
        )
    assert any('not tested on the same images' in w for w in warnings(tmp_path))


def test_another_threshold_than_that_of_the_training_and_a_temperature_are_warnings(one):
    path = one / '20260103_000000' / 'run.json'
    run = json.loads(path.read_text())
    output = dict(threshold=0.73, trained_threshold=0.5, temperature=1.0, breast_only=False)
    path.write_text(json.dumps(run | {'test_output': output | {'temperature': 2.0}}))
    assert warnings(one) == (
        "unet on zgt: cut at a probability of 0.73; the training's is 0.5",
        'unet on zgt: probabilities at a temperature of 2, in training of 1',
    )
    path.write_text(json.dumps(run | {'test_output': output | {'threshold': 0.5}}))
    assert not warnings(one)
    chosen = {'trained_threshold': 0.73, 'temperature': 2.0, 'trained_temperature': 2.0}
    path.write_text(json.dumps(run | {'test_output': output | chosen}))
    assert not warnings(one)
    path.write_text(json.dumps(run | {'test_output': output | chosen | {'temperature': 1.0}}))
    assert warnings(one) == ('unet on zgt: probabilities at a temperature of 1, in training of 2',)


def test_mirror_images_that_the_training_did_not_look_at_are_a_warning(one):
    path = one / '20260103_000000' / 'run.json'
    run = json.loads(path.read_text())
    output = dict(threshold=0.5, trained_threshold=0.5, flips=True)
    path.write_text(json.dumps(run | {'test_output': output}))
    [warning] = warnings(one)
    assert warning.startswith('unet on zgt: probabilities are over mirror images')
