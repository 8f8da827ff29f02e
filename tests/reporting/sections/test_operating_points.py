"""The report's threshold from validation as a file that tests read."""

import json

import numpy as np
import pytest
from runs import make_runs

from mmseg_mammo.io.operating_point import read_operating_point
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.sections.images import validation_threshold
from mmseg_mammo.reporting.sections.operating_points import operating_points


@pytest.fixture
def one(tmp_path):
    make_runs(tmp_path / 'work_dirs', ['unet'], images=8)
    return tmp_path / 'work_dirs' / 'unet_cbis'


def test_the_file_of_one_model_finds_as_many_as_the_report_says(one, tmp_path):
    runs = find_runs([one])
    ((name, content),) = operating_points(runs).items()
    assert name == 'operating_point.json'
    (tmp_path / name).write_bytes(content)
    point = read_operating_point(tmp_path / name)
    test = runs.tests[0]
    scores = test.training.validation['max_probability'].astype(np.float32)
    found = (scores > point.threshold).mean()
    assert found == (scores >= np.float32(validation_threshold(test))).mean() >= 0.95
    assert point.target == 'sensitivity=0.95'
    assert point.images['lesion'] == len(scores)
    assert point.images['sources'] == ['cbis_ddsm']
    assert point.model == {'checkpoint': 'epoch_3.pth', 'config': 'unet_cbis.py'}
    assert (point.temperature, point.breast_only) == (1, False)


def test_each_of_several_models_has_a_file_of_its_own(made):
    assert sorted(operating_points(find_runs([made]))) == [
        f'operating_point_{name}.json' for name in ('sam_finetune', 'setr_pup_vpt', 'unet')
    ]


def test_without_a_training_or_after_another_output_there_is_none(one):
    for folder in one.glob('2026010[23]*'):
        path = folder / 'run.json'
        output = dict(threshold=0.5, trained_threshold=0.5, temperature=1.0, breast_only=True)
        path.write_text(json.dumps(json.loads(path.read_text()) | {'test_output': output}))
    assert operating_points(find_runs([one])) == {}


def test_images_stay_closed_as_the_test_closed_them(one, tmp_path):
    presence = dict(presence_threshold=0.2, presence_scale=1.5, presence_bias=-0.5)
    for folder in one.glob('2026010[23]*'):
        path = folder / 'run.json'
        output = dict(threshold=0.5, trained_threshold=0.5, temperature=1.0, **presence)
        path.write_text(json.dumps(json.loads(path.read_text()) | {'test_output': output}))
    (content,) = operating_points(find_runs([one])).values()
    (tmp_path / 'point.json').write_bytes(content)
    assert read_operating_point(tmp_path / 'point.json').presence() == presence
