"""Fit: steps by folds, then all images; or the start, where nothing is gained."""

import json
from dataclasses import replace

import pytest
import torch
from few_tunings import tuning, write_start
from fold_trainings import LEARNS, tune
from mmengine.logging import MMLogger
from tool_calls import OURS, call

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.few.held_out import HeldOutHook
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.index import read_index
from mmseg_mammo.studies.few.cross_validation import choose, looked_at
from mmseg_mammo.studies.few.fit import finish
from mmseg_mammo.studies.few.tuning import Tuning, divide, open_journal


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def test_it_leaves_a_checkpoint_and_its_facts(fitted, start):
    few = read_record(fitted / 'best.pth')['few']
    steps = json.loads((fitted / 'few.json').read_text())
    assert {'divided', 'start', 'fold_1', 'fold_2', 'fold_3', 'written'} <= set(steps)
    assert steps['fold_1']['steps'] == [45, 90]
    assert few['images'] == {'lesion': 4, 'normal': 2, 'patients': 3}
    assert [row[0] for row in few['curve']] == [0, 45, 90]
    best = max(few['curve'], key=lambda row: row[1])
    assert few['steps'] == best[0]
    assert few['kept'] == 'tuned'
    assert few['gain']['value'] > 0
    assert list(few['false_marks']) == ['as_it_is', 'start', 'tuned']
    assert few['false_marks']['tuned'].keys() == {'all', 'lesion', 'normal'}
    assert not torch.equal(
        *(next(iter(weights(file).values())) for file in (start, fitted / 'best.pth'))
    )


def test_no_image_of_the_test_is_looked_at(fitted, prepared):
    tested = {row.image for row in read_index(prepared / 'index.csv') if row.split == 'test'}
    for part in (fitted / 'parts').glob('*.csv'):
        assert not tested & {row.image for row in read_index(part)}


def test_the_weights_of_folds_are_gone(fitted):
    assert not [*fitted.glob('fold_*/*.pth')]
    for log in fitted.glob('fold_*/*/*.log'):  # nor does anything say that they are there
        assert 'step 90 of 90' in log.read_text()
        assert not any(text in log.read_text() for text in ('Last checkpoint: ', 'Tuned: '))


def test_the_checkpoint_is_one_like_any_other(fitted, start, tmp_path, monkeypatch, capsys):
    call(monkeypatch, OURS / 'test.py', fitted / 'best.pth', '--work-dir', tmp_path / 'test')
    [run] = tmp_path.glob('test/*/run.json')
    found = json.loads(run.read_text())
    few = read_record(fitted / 'best.pth')['few']
    assert found['test_output']['threshold'] == few['threshold']
    assert found['test_output']['temperature'] == few['temperature']
    assert found['data']['test']['images'] == 2
    assert found['tuned_from'] == sha256(start)
    main(['info', str(fitted / 'best.pth')])
    assert 'false marks an image out of fold' in capsys.readouterr().out
    output = found['test_output']
    assert output['trained_threshold'] == output['threshold']
    assert output['trained_temperature'] == output['temperature']


def test_what_is_finished_is_not_done_again(fitted, start, prepared):
    before = (fitted / 'best.pth').read_bytes()
    tune('few/unet_full', start, prepared, fitted, *LEARNS, more=['--resume'])
    assert (fitted / 'best.pth').read_bytes() == before
    assert len([*fitted.glob('fold_1/*/run.json')]) == 1


def test_where_nothing_is_gained_the_start_is_kept_and_that_is_said(
    start, prepared, tmp_path, capfd
):
    """At a rate of zero, but for a step that ruins the model, no step is better than the start."""
    work = tmp_path / 'work'
    tune('few/unet_full', start, prepared, work, 'optim_wrapper.optimizer.lr=0')
    said = capfd.readouterr().out
    assert f'Result: {work / "best.pth"}' in said
    few = read_record(work / 'best.pth')['few']
    if few['kept'] == 'start':  # statistics of norm layers move all the same
        own, kept = weights(start), weights(work / 'best.pth')
        assert own.keys() == kept.keys()
        assert all(torch.equal(own[name], kept[name]) for name in own)
        assert not (work / 'final').exists()
        assert 'the start is kept' in said
    assert few['steps'] == (0 if few['kept'] == 'start' else few['best_steps'])


def test_another_tuning_is_not_gone_on_with(fitted, start, prepared):
    with pytest.raises(SystemExit):
        tune('few/unet_full', start, prepared, fitted, *LEARNS)
    with pytest.raises(SystemExit):
        tune('few/unet_full', start, prepared, fitted, more=['--resume'])


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        ('few/setr_vpt', 'setr_pup_vpt_cbis'),
        ('few/setr_lora', 'setr_pup_vpt_cbis'),
        ('few/sam_decoder', 'sam_finetune_cbis'),
    ],
)
def test_any_kind_of_model_is_tuned_by_folds(name, kind, prepared, tmp_path, monkeypatch):
    begun = write_start(tmp_path / 'start', kind, prepared)
    work = tmp_path / 'work'
    tune(name, begun, prepared, work, 'optim_wrapper.optimizer.lr=0.01')
    record = read_record(work / 'best.pth')
    assert len(record['few']['curve']) == 3
    call(monkeypatch, OURS / 'test.py', work / 'best.pth', '--work-dir', tmp_path / 'test')
    assert [*tmp_path.glob('test/*/per_image_test.csv')]


def test_a_tuning_that_was_killed_goes_on_and_is_the_same(start, prepared, tmp_path, monkeypatch):
    """Killed in the second fold, after its first validation."""

    whole, work = tmp_path / 'whole', tmp_path / 'work'
    steady = ('optim_wrapper.optimizer.lr=0.003',)
    tune('few/unet_full', start, prepared, whole, *steady)
    with monkeypatch.context() as killed:

        def die(hook, runner, *parts, **more):
            if 'fold_2' in str(hook.folder) and runner.iter == 2:
                raise KeyboardInterrupt

        killed.setattr(HeldOutHook, 'before_train_iter', die)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            tune('few/unet_full', start, prepared, work, *steady)
    assert list(json.loads((work / 'few.json').read_text()))[-1] == 'fold_1'
    tune('few/unet_full', start, prepared, work, *steady, more=['--resume'])
    one, other = (read_record(folder / 'best.pth')['few'] for folder in (whole, work))
    assert one['curve'] == other['curve']
    assert (one['threshold'], one['steps']) == (other['threshold'], other['steps'])


def test_the_trained_parameters_alone_are_completed_by_the_start(start, prepared, tmp_path):
    """As one hospital sends them to another, which has the start elsewhere."""
    work, moved = tmp_path / 'work', tmp_path / 'moved.pth'
    only = 'default_hooks.checkpoint.save_trained_only=True'
    moved.write_bytes(start.read_bytes())
    steps = ('train_cfg.max_iters=60', 'train_cfg.val_interval=60')
    tune('few/unet_bias', start, prepared, work, *LEARNS, *steps, only)
    small = work / 'best.pth'
    record = read_record(small)
    assert (record['few']['kept'], record['trained_only']) == ('tuned', True)
    held, whole = weights(small), load_model(None, small).state_dict()
    trained = record['tuning']['trained']
    assert sum(value.numel() for name, value in held.items() if name.endswith('bias')) <= trained
    assert held.keys() < whole.keys()
    assert all(value.equal({**weights(start), **held}[name]) for name, value in whole.items())
    main(['test', str(small), '--base', str(moved), '--work-dir', str(tmp_path / 'base')])
    main(['export', str(small), str(tmp_path / 'whole.pth')])
    main(['test', str(tmp_path / 'whole.pth'), '--work-dir', str(tmp_path / 'whole')])
    one, other = (
        next((tmp_path / name).glob('*/per_image_test.csv')).read_text()
        for name in ('base', 'whole')
    )
    assert one == other


def test_a_start_that_is_kept_is_written_whole_and_that_is_said(
    fitted, start, prepared, tmp_path, caplog
):
    cfg = tuning('unet_bias', start, prepared, tmp_path)
    cfg.default_hooks.checkpoint.save_trained_only = True
    division, _ = divide(prepared, 'index.csv', fitted, 3, 0)
    helds = looked_at(division)
    chosen = replace(choose(cfg, helds), steps=0, held=helds[0])
    begun = Tuning(cfg, start, division, open_journal(tmp_path / 'few.json', True, {}), 0)
    MMLogger.get_current_instance().addHandler(caplog.handler)
    finish(begun, chosen, True, None, tmp_path / 'best.pth')
    assert weights(tmp_path / 'best.pth').keys() == weights(start).keys()
    assert 'best.pth is the start, whole' in caplog.text
