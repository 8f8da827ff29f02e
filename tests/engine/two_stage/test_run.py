"""Run of both stages: what it leaves, what is skipped, and going on after a kill."""

import csv
import json

import pytest
import torch
from mmengine.config import Config
from tool_calls import OURS, call, forked
from two_stages import train, write_stages

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.run_folder import BEST


def test_it_leaves_both_stages_candidates_and_one_checkpoint(trained):
    _, work = trained
    for name in ('finder', 'refiner'):
        assert (work / name / BEST).is_file()
        assert list((work / name).glob('*/run.json'))
    for split, images in (('train', 4), ('val', 2)):
        rows = list(csv.DictReader((work / 'candidates' / f'{split}.csv').open()))
        assert list(rows[0]) == ['key', 'x', 'y', 'extent', 'score', 'hit']
        assert len({row['key'] for row in rows}) <= images
        assert {row['hit'] for row in rows} <= {'0', '1', ''}
        assert all(0 <= float(row['x']) < 64 and 0 <= float(row['y']) < 80 for row in rows)
    steps = json.loads((work / 'two_stage.json').read_text())
    assert list(steps) == ['finder', 'candidates', 'refiner', 'joined']
    assert (work / 'card.md').is_file()


def test_the_checkpoint_holds_the_weights_of_both_and_its_record(trained):
    _, work = trained
    state = torch.load(work / BEST, weights_only=False)['state_dict']
    for name in ('finder', 'refiner'):
        own = torch.load(work / name / BEST, weights_only=False)['state_dict']
        assert all(torch.equal(state[f'{name}.{key}'], own[key]) for key in own)
    record = read_record(work / BEST)
    assert record['model'] == 'TwoStageSegmentor'
    assert record['name'] == 'both'
    assert 'stages' not in record['config'] and 'train_dataloader' not in record['config']
    choice = record['stages']['choice']
    model = record['config']['model']
    assert model['keep'] == choice['keep']
    assert model['ranking'] == choice['ranking']
    assert model['keep']['threshold'] == choice['keep']['threshold'] == record['threshold']
    assert record['config']['test_evaluator']['threshold'] == record['threshold']
    assert record['stages']['refiner']['config']['train_dataloader']
    assert choice['lesion'] + choice['normal'] == 2


def test_it_is_tested_and_predicted_with_alone(trained, tmp_path, monkeypatch, capsys):
    _, work = trained
    call(monkeypatch, OURS / 'test.py', work / BEST, '--work-dir', tmp_path / 'test')
    assert list((tmp_path / 'test').glob('*/per_image_test.csv'))
    main(['info', str(work / BEST)])
    said = capsys.readouterr().out
    assert '\nfinder ' in said and '\nrefiner ' in said and '\nchosen ' in said


def test_the_choice_is_what_a_test_of_the_validation_images_finds(trained, tmp_path, monkeypatch):
    """The mean Dice that was chosen by is that of the model with the choice, lesions and normals."""
    _, work = trained
    arguments = [work / BEST, '--work-dir', tmp_path, '--split', 'val']
    gate = ['--cfg-options', 'model.test_output.presence_threshold=None']
    call(monkeypatch, OURS / 'test.py', *arguments, *gate)
    (table,) = tmp_path.glob('*/per_image_test.csv')
    rows = list(csv.DictReader(table.open()))
    dice = [
        float(row['dice']) if int(row['truth_pixels']) else float(row['predicted_pixels'] == '0')
        for row in rows
    ]
    choice = read_record(work / BEST)['stages']['choice']
    assert 100 * sum(dice) / len(dice) == pytest.approx(choice['dice'], abs=0.1)


def test_what_was_found_and_chosen_and_where_it_lies_is_said_on_the_console(
    prepared, tmp_path, monkeypatch, capfd
):
    config = write_stages(tmp_path / 'configs', prepared)
    train(monkeypatch, config, tmp_path / 'work')
    said = ''.join(capfd.readouterr())
    assert 'candidates of train: ' in said and ' hold a lesion' in said
    assert 'chosen on ' in said
    assert f'Checkpoint of both stages: {tmp_path / "work" / BEST}' in said


def test_a_finished_training_is_left_as_it_is(trained, monkeypatch):
    config, work = trained
    before = {path: path.stat().st_mtime_ns for path in work.rglob('*.pth')}
    train(monkeypatch, config, work, '--resume')
    assert {path: path.stat().st_mtime_ns for path in work.rglob('*.pth')} == before


def test_mixed_precision_and_what_is_measured_of_the_images_are_no_other_training(
    prepared, tmp_path, monkeypatch
):
    """``--amp`` and the reference of MatchHistogram are in the record, and not in the files."""
    config = write_stages(tmp_path / 'configs', prepared)
    for name in ('finder', 'refiner'):
        cfg = Config.fromfile(tmp_path / 'configs' / f'{name}.py')
        for split in ('train', 'val', 'test'):
            cfg[f'{split}_dataloader'].dataset.pipeline.insert(2, dict(type='MatchHistogram'))
        cfg.dump(tmp_path / 'configs' / f'{name}.py')
    train(monkeypatch, config, tmp_path / 'work', '--amp')
    train(monkeypatch, config, tmp_path / 'work', '--amp', '--resume')
    with pytest.raises(SystemExit, match=r'otherwise: optim_wrapper\.type is OptimWrapper'):
        train(monkeypatch, config, tmp_path / 'work', '--resume')
    record = read_record(tmp_path / 'work' / BEST)
    steps = record['config']['test_dataloader']['dataset']['pipeline']
    assert next(step for step in steps if step['type'] == 'MatchHistogram')['reference']


def test_what_is_done_is_said(prepared, tmp_path, monkeypatch, capfd):
    train(monkeypatch, write_stages(tmp_path / 'configs', prepared), tmp_path / 'work')
    said = capfd.readouterr().out
    for text in ('candidates of train: ', 'refiner: ', 'chosen on 1 validation images'):
        assert text in said


def test_another_training_is_not_overwritten_nor_gone_on_with(trained, monkeypatch):
    config, work = trained
    with pytest.raises(SystemExit, match=r'^error: .*would be overwritten.*--resume'):
        train(monkeypatch, config, work)
    options = ['--cfg-options', 'stages.finder.options.optim_wrapper.optimizer.lr=1']
    with pytest.raises(
        SystemExit, match=r'^error: --resume: finder was trained otherwise: .*lr is 1'
    ):
        train(monkeypatch, config, work, '--resume', *options)
    options = ['--cfg-options', 'stages.refiner.options.train_cfg.max_epochs=5']
    with pytest.raises(
        SystemExit, match=r'refiner was trained otherwise: .*max_epochs is 5, was 1'
    ):
        train(monkeypatch, config, work, '--resume', *options)
    for option, said in (
        ('model.candidates.count=2', r"\(candidates\): model\.candidates is .*'count': 3"),
        ('stages.presence=specificity=0.9', r'\(joined\): .* is specificity=0\.9, was sens'),
    ):
        with pytest.raises(SystemExit, match=f'begun otherwise {said}'):
            train(monkeypatch, config, work, '--resume', '--cfg-options', option)


def test_a_training_that_was_killed_after_the_finder_goes_on(
    trained, prepared, tmp_path, monkeypatch
):
    """What it ends with is, weight for weight, what one without a break ended with."""
    config, whole = trained
    from mmseg_mammo.engine.two_stage import run

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit, match='--resume'):
        patched.setattr(run, 'mine', kill)
        train(patched, config, tmp_path)
    assert (tmp_path / 'finder' / BEST).is_file()
    assert not (tmp_path / 'candidates').exists()
    before = (tmp_path / 'finder' / BEST).stat().st_mtime_ns
    train(monkeypatch, config, tmp_path, '--resume')
    assert (tmp_path / 'finder' / BEST).stat().st_mtime_ns == before
    states = [torch.load(p / BEST, weights_only=False)['state_dict'] for p in (whole, tmp_path)]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_candidates_are_mined_by_the_crops_of_the_refiner(prepared, tmp_path, monkeypatch):
    """Also where the config of the refiner alone says how large they are."""
    cfg = Config.fromfile(write_stages(tmp_path / 'configs', prepared))
    cfg.model.crop = dict(batch=4)
    cfg.dump(tmp_path / 'configs' / 'both.py')
    cfg = Config.fromfile(tmp_path / 'configs' / 'refiner.py')
    cfg.train_dataloader.dataset.pipeline[4].share = 0.7
    cfg.dump(tmp_path / 'configs' / 'refiner.py')
    from mmseg_mammo.engine.two_stage import run

    mined = []

    def look(cfg, *_):
        mined.append(cfg.model.crop.share)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, 'mine', look)
    with pytest.raises(SystemExit):
        train(monkeypatch, tmp_path / 'configs' / 'both.py', tmp_path / 'work')
    assert mined == [0.7]


def test_a_side_is_of_one_stage(trained, tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r'--side 64 with two stages.*stages\.finder\.side'):
        train(monkeypatch, trained[0], tmp_path, '--side', '64')


def test_a_checkpoint_is_tested_without_the_config_of_its_training(trained, tmp_path, monkeypatch):
    config, work = trained
    with pytest.raises(SystemExit, match=r'the checkpoint alone.*Leave .*both\.py out'):
        call(monkeypatch, OURS / 'test.py', config, work / BEST, '--work-dir', tmp_path)


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('stages.refiner.config=unet_finder_cbis', 'whole images'),
        ('model.candidates.count=0', r'candidates\.count=0'),
        ('model.candidates.count=13', r'candidates\.count=13.*1 to 12'),
        ('stages.presence=sensitivity', "target 'sensitivity'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(
    option, said, trained, tmp_path, monkeypatch
):
    with pytest.raises(SystemExit, match=f'^error: .*{said}'):
        train(monkeypatch, trained[0], tmp_path, '--cfg-options', option)
    assert not (tmp_path / 'finder').exists()


def test_stages_that_see_other_images_are_refused(trained, tmp_path, monkeypatch):
    clip = 'stages.finder.options.test_dataloader.dataset.pipeline.2.clip_limit=3.0'
    with pytest.raises(SystemExit, match=r'^error: .*the finder resizes what .*MammoCLAHE'):
        train(monkeypatch, trained[0], tmp_path, '--cfg-options', clip)
    assert not (tmp_path / 'finder').exists()


@pytest.mark.slow
def test_two_processes_train_both_stages(prepared, tmp_path, monkeypatch, free_port):
    config = write_stages(tmp_path / 'configs', prepared)
    forked(free_port, config, '--work-dir', tmp_path / 'work')
    assert read_record(tmp_path / 'work' / BEST)['model'] == 'TwoStageSegmentor'
