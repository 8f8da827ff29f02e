"""``test``: scores, records and pictures; other data sets; what is refused."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from experiments import shrink
from records import change_record
from sam_models import meta_sam
from tool_calls import CBIS, OURS, TRAINING, ZGT, call, check_labels, options, scores

from mmseg_mammo.cli.main import main
from mmseg_mammo.reporting.runs import find_runs


def test_testing_on_the_other_hospital_gives_scores_records_and_pictures(
    trained, prepared, tmp_path, monkeypatch
):
    arguments = [ZGT, trained / 'epoch_1.pth', '--work-dir', tmp_path, '--out', tmp_path / 'labels']
    call(monkeypatch, OURS / 'test.py', *arguments, '--cfg-options', *options(prepared, 'test'))
    check_labels(tmp_path)
    found = scores(tmp_path)
    assert (found['images'], found['lesion_images'], found['normal_images']) == (2, 1, 1)
    assert found['predict_nothing_iou'] == pytest.approx(50, abs=1e-3)
    (table,) = tmp_path.glob('*/per_image_test.csv')
    records = list(csv.DictReader(table.open()))
    assert [record['image'] for record in records] == ['images/6.png', 'images/7.png']
    assert {record['mask_kind'] for record in records} == {'phantom'}
    assert len(list(tmp_path.glob('*/overlays/*.png'))) == 2
    (table,) = tmp_path.glob('*/lesions_test.csv')
    lesions = list(csv.DictReader(table.open()))
    assert [row['image'] for row in lesions if row['kind'] == 'true'] == ['images/6.png']
    for record in records:
        (picture,) = tmp_path.glob(f'*/viewer/{record["key"]}.jpg')
        truth = picture.with_name(f'{record["key"]}_truth.png')
        assert truth.is_file() == (record['annotated'] == 'lesion')
    assert (tmp_path / '.starting.lock').is_file()  # runs of one second would share a folder
    (summary,) = tmp_path.glob('*/test.json')
    said = json.loads(summary.read_text(), parse_constant=pytest.fail)
    assert (said['checkpoint'], said['split']) == (str(trained / 'epoch_1.pth'), 'test')
    assert said['data_root'] == str(prepared)
    assert said['scores']['images'] == 2
    assert 'synthetic phantoms' in next(tmp_path.glob('*/*.log')).read_text()


def test_dataset_and_split_can_be_named_on_the_command_line(
    trained, prepared, tmp_path, monkeypatch
):
    """The zgt base names data/zgt; from another folder it can be a link, as here."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'zgt').symlink_to(prepared)
    monkeypatch.chdir(tmp_path)
    small = options(prepared, 'test')
    small.remove(f'test_dataloader.dataset.data_root={prepared}')
    arguments = [CBIS, trained / 'epoch_1.pth', '--work-dir', 'w', '--dataset', 'zgt']
    call(monkeypatch, OURS / 'test.py', *arguments, '--split', 'val', '--cfg-options', *small)
    (table,) = Path('w').glob('*/per_image_test.csv')
    assert [r['image'] for r in csv.DictReader(table.open())] == ['images/4.png', 'images/5.png']


def test_a_checkpoint_of_another_model_ends_in_one_line(trained, prepared, tmp_path, monkeypatch):
    arguments = [CBIS, trained / 'epoch_1.pth', '--work-dir', tmp_path, '--cfg-options']
    small = [*options(prepared, 'test'), 'model.backbone.prompt_length=5']
    with pytest.raises(
        SystemExit, match=r'^error: The checkpoint .*epoch_1.pth is of another model.*prompts'
    ):
        call(monkeypatch, OURS / 'test.py', *arguments, *small)


@pytest.fixture
def sam(prepared, tmp_path):
    """A config of a small SAM, and its checkpoint."""
    cfg = shrink('sam_zeroshot_cbis', prepared, tmp_path / 'w')
    cfg.dump(tmp_path / 'sam.py')
    torch.save(meta_sam(32).state_dict(), tmp_path / 'sam.pth')
    return [tmp_path / 'sam.py', tmp_path / 'sam.pth', '--work-dir', tmp_path / 'w']


def test_sam_takes_its_prompts_from_a_table_and_says_which_images_have_none(
    sam, prepared, tmp_path, monkeypatch
):
    table = tmp_path / 'clicks.csv'
    table.write_text('image;object;x;y;label\n6;1;20;40;1\n0;1;3;3;1\n')
    call(monkeypatch, OURS / 'test.py', *sam, '--prompts', table)
    (path,) = tmp_path.glob('w/*/per_image_test.csv')
    prompted, empty = csv.DictReader(path.open())
    assert (prompted['image'], prompted['prompt_points']) == ('images/6.png', '20.0:40.0:1')
    assert (empty['image'], empty['predicted_pixels'], empty['chosen']) == (
        'images/7.png',
        '0',
        '-1',
    )
    assert float(empty['max_probability']) == 0
    assert {prompted['prompts_from'], empty['prompts_from']} == {'given'}
    assert scores(tmp_path / 'w')['unprompted_images'] == 1
    log = next(tmp_path.glob('w/*/*.log')).read_text()
    assert 'prompts for 1 of 2 images; 1 images without a prompt: predicted empty; 1 images' in log
    assert 'NOTE: 1 images without a prompt: predicted empty' in log
    (test,) = find_runs([tmp_path / 'w']).tests
    assert (test.unprompted, test.marks) == (1, ('phantom masks', 'prompts given'))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--coordinates', 'prepared'], '--coordinates prepared: no effect'),
        (['--prompts', 'nowhere.csv'], r'nowhere\.csv: No such file'),
    ],
)
def test_prompts_that_cannot_be_end_in_one_line(arguments, message, sam, monkeypatch):
    with pytest.raises(SystemExit, match=f'^error: {message}'):
        call(monkeypatch, OURS / 'test.py', *sam, *arguments)


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize('what', ['pickle', 'config'])
def test_code_in_a_checkpoint_is_not_run(what, trained, prepared, tmp_path, monkeypatch):
    """Nor where a config is given, which a test then needs no other for."""
    made, evil = tmp_path / 'made', tmp_path / 'evil.pth'
    checkpoint = torch.load(trained / 'epoch_1.pth', weights_only=False)
    if what == 'pickle':
        checkpoint['meta']['seed'] = Malicious(made)
    else:
        checkpoint['meta']['cfg'] = f'import os\nos.mkdir({str(made)!r})\n'
    torch.save(checkpoint, evil)
    small = ['--work-dir', tmp_path / 'w', '--cfg-options', *options(prepared, 'test')]
    said = {'pickle': 'holds more than tensors', 'config': 'the config inside is not plain data'}
    with pytest.raises(SystemExit, match=f'^error: .*{said[what]}'):
        call(monkeypatch, OURS / 'test.py', evil, *small)
    assert not made.exists()
    if what == 'pickle':
        with pytest.raises(SystemExit, match=f'^error: .*{said[what]}'):
            call(monkeypatch, OURS / 'test.py', ZGT, evil, *small)
    else:
        call(monkeypatch, OURS / 'test.py', ZGT, evil, *small)
        assert scores(tmp_path / 'w')['images'] > 0
    assert not made.exists()


def test_where_probabilities_are_cut_is_chosen_on_the_command_line_and_written_down(
    trained, prepared, tmp_path, monkeypatch
):
    """By a threshold, or by a file of an operating point; nothing is lesion above 1."""
    arguments = [CBIS, trained / 'epoch_1.pth', '--work-dir']
    small = ['--cfg-options', *options(prepared, 'test')]
    call(monkeypatch, OURS / 'test.py', *arguments, tmp_path / 'a', '--threshold', '1', *small)
    (summary,) = (tmp_path / 'a').glob('*/test.json')
    found = json.loads(summary.read_text())
    assert found['test_output'] == dict(
        threshold=1.0, temperature=1.0, breast_only=False, flips=False, trained_threshold=0.5
    )
    assert found['evaluator']['threshold'] == 1.0
    (table,) = (tmp_path / 'a').glob('*/per_image_test.csv')
    assert {row['predicted_pixels'] for row in csv.DictReader(table.open())} == {'0'}
    file = tmp_path / 'operating_point.json'
    file.write_text('{"threshold": 0.25, "temperature": 2.0, "breast_only": true}')
    call(
        monkeypatch, OURS / 'test.py', *arguments, tmp_path / 'b', '--operating-point', file, *small
    )
    (record,) = (tmp_path / 'b').glob('*/run.json')
    expected = dict(
        threshold=0.25, temperature=2.0, breast_only=True, flips=False, trained_threshold=0.5
    )
    assert json.loads(record.read_text())['test_output'] == expected
    with pytest.raises(SystemExit, match='beside --breast-only: its threshold'):
        call(
            monkeypatch,
            *(OURS / 'test.py', *arguments, tmp_path / 'c', '--operating-point', file),
            *('--breast-only', *small),
        )


def test_a_checkpoint_alone_is_tested_as_with_its_config(trained, prepared, tmp_path):
    """And the report takes both tests for those of one model."""
    checkpoint = str(trained / 'epoch_1.pth')
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=1']
    main(['test', checkpoint, '--work-dir', str(tmp_path / 'a')])
    main(['test', CBIS, checkpoint, '--work-dir', str(tmp_path / 'b'), '--cfg-options', *small])
    assert scores(tmp_path / 'a') == scores(tmp_path / 'b')
    one, other = (
        json.loads(next((tmp_path / name).glob('*/run.json')).read_text()) for name in 'ab'
    )
    assert (one['config'], Path(other['config']).name) == ('setr_pup_vpt_cbis.py',) * 2
    for key in ('config_sha256', 'checkpoint', 'test_output', 'parameters'):
        assert one[key] == other[key], key
    runs = find_runs([tmp_path])
    assert {test.model for test in runs.tests} == {'setr_pup_vpt'}
    assert len(runs.tests) == 1
    assert not any('several settings' in warning for warning in runs.warnings)


def test_options_and_other_data_apply_to_a_checkpoint_alone(trained, prepared, tmp_path):
    """Wherever they stand on the command line."""
    checkpoint = str(trained / 'epoch_1.pth')
    other = shutil.copytree(prepared, tmp_path / 'ours')
    words = ['--launcher', 'none', checkpoint, '--dataset', str(other), '--split', 'val']
    main(['test', '--work-dir', str(tmp_path / 'w'), *words])
    (summary,) = (tmp_path / 'w').glob('*/test.json')
    said = json.loads(summary.read_text())
    assert (said['data_root'], said['split']) == (str(other), 'val')
    assert said['input_differs_from_training'] == []


def test_a_config_that_contradicts_the_checkpoint_is_said(trained, prepared, tmp_path):
    checkpoint = str(trained / 'epoch_1.pth')
    small = [*options(prepared, 'test'), 'model.decode_head.threshold=0.4']
    small += ['test_evaluator.threshold=0.4']
    main(['test', CBIS, checkpoint, '--work-dir', str(tmp_path), '--cfg-options', *small])
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'the threshold is 0.4, in training 0.5' in log
    main(['test', checkpoint, '--work-dir', str(tmp_path / 'a'), '--threshold', '0.4'])
    assert (
        'the threshold is' not in next((tmp_path / 'a').glob('*/*.log')).read_text()
    )  # it is asked for


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'config': {'model': {'type': 'os.mkdir', 'path': 'made'}}}, 'cannot be built from'),
        ({'config': {'model': {}, 'default_scope': 'evil'}}, 'is another package'),
        ({'config': {}}, 'does not hold the config'),
        ({'format': 99}, 'of a later version'),
        ({'config': 3}, 'its record is damaged'),
    ],
)
def test_a_record_that_was_tampered_with_ends_in_one_line(
    changes, said, trained, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    evil = change_record(trained / 'epoch_1.pth', tmp_path / 'evil.pth', **changes)
    with pytest.raises(SystemExit, match=rf'^error: .*evil\.pth: .*{said}') as ended:
        main(['test', str(evil), '--work-dir', 'w'])
    assert '\n' not in str(ended.value)
    assert not (tmp_path / 'made').exists()


def test_a_base_for_a_checkpoint_that_needs_none_is_refused(trained, tmp_path):
    (tmp_path / 'base.pth').touch()
    with pytest.raises(SystemExit, match=r'^error: --base .*holds every weight'):
        main(['test', str(trained / 'epoch_1.pth'), '--base', str(tmp_path / 'base.pth')])
