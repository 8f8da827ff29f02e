import csv
import json

import numpy as np
import pytest
from runs import add_image_labels, make_rows, make_test, make_training, predict

from mmseg_mammo.cli.main import main
from mmseg_mammo.studies.learning_curve.results import model_facts, run_test, test_results

test_results.__test__ = False


def test_scores_are_those_of_the_csv_by_patient(tmp_path):
    tested = predict(make_rows('zgt', 24, 0.3, 0), np.random.default_rng(0), 0.7)
    make_test(tmp_path / 'run', 'unet', 'zgt', tested)
    add_image_labels(tmp_path / 'run')  # their lesions have no outline and do not count
    found = test_results(tmp_path / 'run')
    rows = [
        row
        for row in csv.DictReader((tmp_path / 'run/per_image_test.csv').open())
        if float(row['truth_pixels'] or 0)
    ]
    dice = [100 * float(row['dice']) for row in rows]
    assert found['lesion_dice'] == pytest.approx(np.mean(dice), abs=1e-3)
    total = sum(each['lesion_images'] for each in found['tested'])
    weighted = sum(each['lesion_images'] * each['lesion_dice'] for each in found['tested'])
    assert total == len(rows)
    assert weighted / total == pytest.approx(np.mean(dice), abs=1e-3)
    assert [each['patient'] for each in found['tested']] == sorted(
        {f'zgt/{row["patient_id"]}' for row in rows}
    )


def test_a_model_has_its_threshold_and_the_parameters_of_its_training(start, tmp_path):
    make_training(tmp_path / '20260101_000000', 'unet')
    counts = json.loads((tmp_path / '20260101_000000/run.json').read_text())['parameters']['all']
    found = model_facts(start, tmp_path)
    assert found == {
        'threshold': 0.5,
        'start_kept': '',
        'trained_parameters': counts['trained'],
        'parameters': counts['total'],
    }
    assert 'parameters' not in model_facts(start)


def test_a_test_reads_the_split_test_of_the_folder_with_the_steps_of_the_checkpoint(
    start, hospital, tmp_path
):
    run = run_test(start, hospital, None, tmp_path / 'w')
    rows = [*csv.DictReader((run / 'per_image_test.csv').open())]
    assert [row['image'] for row in rows] == [f'images/{n}.png' for n in range(10, 16)]
    assert run.parent == tmp_path / 'w'
    # The report takes it for the same test as that of the command.
    command = ['test', start, '--dataset', hospital, '--work-dir', tmp_path / 'by_hand']
    main([str(word) for word in command])
    [by_hand] = (tmp_path / 'by_hand').glob('*/run.json')
    hashes = {json.loads(file.read_text())['config_sha256'] for file in (by_hand, run / 'run.json')}
    assert len(hashes) == 1
