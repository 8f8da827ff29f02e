"""A promise on a small model: its threshold, of pixels or of presence, and what a test measures."""

import copy
import csv
import json

import numpy as np
import pytest
from prepared_sets import drop_masks
from tiny_models import save_checkpoint
from two_stage_models import save_two_stages

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import (
    describe_test_output,
    use_operating_point,
    use_test_output,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.conformal.promise import Promise
from mmseg_mammo.inference.calibration.look import look
from mmseg_mammo.inference.calibration.promised import check_images, choose_promised
from mmseg_mammo.io.index import read_index
from mmseg_mammo.io.operating_point import read_operating_point

SPLITS = ['train', 'val', 'test']  # 5 images with a lesion of 4 patients


def test_an_image_recall_is_that_of_the_highest_probabilities(cfg, model):
    seen = look(model, cfg, SPLITS, 1.0)
    promise = Promise.read('image-recall=0.6')
    found = choose_promised(model, cfg, SPLITS, promise, False)
    assert found.seen.lesion.tolist() == seen.lesion.tolist()
    assert found.seen.patients.tolist() == seen.patients.tolist()
    of_lesions = seen.lesion
    missed = {p: [] for p in seen.patients[of_lesions]}
    for patient, score in zip(seen.patients[of_lesions], seen.scores[of_lesions], strict=True):
        missed[patient].append(score <= found.threshold)
    means = [np.mean(each) for each in missed.values()]
    assert (sum(means) + 1) / (len(means) + 1) < 0.4
    assert found.facts['promise']['measured'] == pytest.approx(1 - np.mean(means))
    assert found.facts['promise']['patients'] == 4
    assert 'image-recall' in found.effects[-2]
    assert found.presence == {}


def test_too_few_patients_are_refused_before_any_image_is_looked_at(cfg):
    check_images(cfg, SPLITS, Promise.read('pixel-recall=0.7'))
    with pytest.raises(
        MammoError, match='with 4 patients that have images with an outlined lesion'
    ):
        check_images(cfg, SPLITS, Promise.read('pixel-recall=0.9'))
    with pytest.raises(MammoError, match=r'with 4 patients .* 29 or more'):
        check_images(cfg, SPLITS, Promise('image-recall', 0.9, 0.95))


def test_what_is_promised_is_measured_by_test(prepared, tmp_path, capsys):
    """On the very images of the calibration a test finds what the calibration measured."""
    checkpoint = save_checkpoint(tmp_path / 'a.pth', 'unet_cbis', prepared)
    point = tmp_path / 'operating_point.json'
    given = ('--data', prepared, '--split', 'val', 'test', '--promise', 'pixel-recall=0.5')
    main(['calibrate', *map(str, (checkpoint, *given))])
    said = json.loads(point.read_text())
    assert said['target'] == 'pixel-recall=0.5'
    assert said['promise']['confidence'] is None
    shown = capsys.readouterr().out
    assert 'for a promise of pixel-recall=0.5' in shown
    assert all(note in shown for note in said['notes'])
    losses = []
    for split in ('val', 'test'):
        work = tmp_path / split
        more = ('--dataset', prepared, '--split', split, '--work-dir', work)
        main(['test', *map(str, (checkpoint, '--operating-point', point, *more))])
        (table,) = work.rglob('per_image_test.csv')
        rows = list(csv.DictReader(table.open()))
        assert {row['annotated']: row['promise_loss'] != '' for row in rows} == {
            'lesion': True,
            'normal': False,
        }
        losses += [float(row['promise_loss']) for row in rows if row['promise_loss']]
        run = json.loads(table.with_name('run.json').read_text())
        promise = run['test_output']['promise']
        assert (promise['target'], promise['split']) == ('pixel-recall=0.5', 'val test')
    assert 1 - np.mean(losses) == pytest.approx(said['promise']['measured'], abs=1e-4)


def test_another_threshold_ends_the_promise(prepared, tmp_path):
    checkpoint = save_checkpoint(tmp_path / 'a.pth', 'unet_cbis', prepared)
    given = ('--data', prepared, '--split', 'val', 'test', '--promise', 'pixel-recall=0.5')
    main(['calibrate', *map(str, (checkpoint, *given))])
    cfg = read_stored_config(checkpoint)
    assert 'promise' not in describe_test_output(cfg)
    use_operating_point(cfg, tmp_path / 'operating_point.json')
    assert describe_test_output(cfg)['promise']['target'] == 'pixel-recall=0.5'
    use_test_output(cfg, threshold=0.4)
    assert 'promise' not in describe_test_output(cfg)


@pytest.mark.parametrize('pixels', [False, True])
def test_of_a_model_with_presence_its_threshold_is_set_or_that_of_pixels(
    prepared, tmp_path, pixels
):
    checkpoint = save_checkpoint(tmp_path / 'a.pth', 'unet_absence_cbis', prepared)
    cfg = read_stored_config(checkpoint)
    before = describe_test_output(cfg)['threshold']
    given = ('--data', prepared, '--split', 'val', 'test', '--promise', 'image-recall=0.5')
    main(['calibrate', *map(str, (checkpoint, *given)), *['--pixel-threshold'] * pixels])
    point = read_operating_point(tmp_path / 'operating_point.json')
    assert (point.presence_threshold == 0) == pixels
    assert (point.threshold == before) == (not pixels)
    use_operating_point(cfg, tmp_path / 'operating_point.json')
    assert describe_test_output(cfg)['presence_threshold'] == point.presence_threshold


@pytest.mark.parametrize('text', ['pixel-recall=0.05', 'image-recall=0.5'])
def test_of_two_stages_a_promise_is_measured_as_it_was_made(prepared, tmp_path, text):
    """A threshold of pixels in the pasted crops, or of the presence of the best candidate."""
    own = {'keep': {'count': 5}, 'crop': {'size': (32, 32), 'share': 0.9}}
    checkpoint = save_two_stages(tmp_path / 'a.pth', prepared, **own)
    point = tmp_path / 'operating_point.json'
    given = ('--data', prepared, '--split', 'val', 'test', '--promise', text)
    main(['calibrate', *map(str, (checkpoint, *given))])
    said = json.loads(point.read_text())
    assert ('presence_threshold' in said) == text.startswith('image')
    losses = []
    for split in ('val', 'test'):
        more = ('--dataset', prepared, '--split', split, '--work-dir', tmp_path / split)
        main(['test', *map(str, (checkpoint, '--operating-point', point, *more))])
        (table,) = (tmp_path / split).rglob('per_image_test.csv')
        rows = csv.DictReader(table.open())
        losses += [float(row['promise_loss']) for row in rows if row['promise_loss']]
    assert 1 - np.mean(losses) == pytest.approx(said['promise']['measured'], abs=1e-4)


def test_the_share_that_is_lesion_is_that_of_outlined_lesions(cfg, model, prepared, tmp_path):
    """The mask of a lesion that nobody outlined is 255 all over."""
    shown = {row.image: row.annotated for row in read_index(prepared / 'index.csv')}
    lesions = [name for name, said in shown.items() if said == 'lesion']
    promise, some = Promise.read('image-recall=0.6'), copy.deepcopy(cfg)
    some.test_dataloader.dataset.data_root = str(drop_masks(prepared, tmp_path / 'a', lesions[0]))
    found = choose_promised(model, some, SPLITS, promise, False)
    share = float(found.effects[-1].split(', ')[1].split(' %')[0])
    assert 0 < share < 10
    some.test_dataloader.dataset.data_root = str(drop_masks(prepared, tmp_path / 'b', *lesions))
    found = choose_promised(model, some, SPLITS, promise, False)
    assert not any('is lesion' in line for line in found.effects)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--promise', 'recall=0.9'], "promise 'recall=0.9'"),
        (['--promise', 'pixel-recall=0.5', '--confidence', '1'], '--confidence 1'),
        (['--confidence', '0.9'], r'--confidence 0\.9\. Allowed: .* beside --promise'),
        (['--promise', 'pixel-recall=0.9'], 'with 1 patients'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(prepared, tmp_path, arguments, message):
    checkpoint = save_checkpoint(tmp_path / 'a.pth', 'unet_cbis', prepared)
    with pytest.raises(SystemExit, match=message):
        main(['calibrate', str(checkpoint), '--data', str(prepared), *arguments])
    assert [path.name for path in tmp_path.iterdir()] == ['a.pth']
