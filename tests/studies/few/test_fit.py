"""Fit: steps by folds, then all images; or the start, where nothing is gained."""

import json

import pytest
import torch
from few_tunings import write_start
from fold_trainings import LEARNS, tune
from tool_calls import OURS, call

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.few.held_out import HeldOutHook
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.index import read_index


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


def test_the_checkpoint_is_one_like_any_other(fitted, tmp_path, monkeypatch, capsys):
    call(monkeypatch, OURS / 'test.py', fitted / 'best.pth', '--work-dir', tmp_path / 'test')
    [run] = tmp_path.glob('test/*/run.json')
    found = json.loads(run.read_text())
    few = read_record(fitted / 'best.pth')['few']
    assert found['test_output']['threshold'] == few['threshold']
    assert found['test_output']['temperature'] == few['temperature']
    assert found['data']['test']['images'] == 2
    main(['info', str(fitted / 'best.pth')])
    assert 'out of fold' in capsys.readouterr().out


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
    few = read_record(work / 'best.pth')['few']
    if few['kept'] == 'start':  # statistics of norm layers move all the same
        own, kept = weights(start), weights(work / 'best.pth')
        assert own.keys() == kept.keys()
        assert all(torch.equal(own[name], kept[name]) for name in own)
        assert not (work / 'final').exists()
        assert 'the start is kept' in capfd.readouterr().out
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
