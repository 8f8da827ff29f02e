import csv
import json

import numpy as np
import pytest
from runs import add_image_labels, make_rows, make_test, predict
from stage_samples import add_candidates

from mmseg_mammo.reporting.page.cases import candidates_by_key, find_cases, prompt_points
from mmseg_mammo.reporting.runs import find_runs


@pytest.fixture(scope='module')
def cases(built):
    return built[1]


def test_every_image_with_a_picture_is_a_case(cases):
    assert len(cases) == 48
    assert len({(case.dataset, case.key) for case in cases}) == 48


def test_a_missing_mask_file_is_an_empty_mask(cases, runs):
    for case in cases:
        for test in runs.on(case.dataset):
            row = test.images['key'].tolist().index(case.key)
            empty = test.images['predicted_pixels'][row] == 0
            assert (case.predictions[test.model] is None) == empty
            assert (case.truth is None) == (test.images['truth_pixels'][row] == 0)


def test_scores_and_facts_are_those_of_the_csv(cases, runs):
    case, test = cases[0], runs.on(cases[0].dataset)[0]
    row = test.images['key'].tolist().index(case.key)
    assert case.scores[test.model]['dice'] == pytest.approx(test.images['dice'][row], abs=1e-4)
    assert case.facts['view'] == test.images['view'][row]
    assert case.facts['size'].split(' ')[0] in ('small', 'medium', 'large', 'no')


def test_points_are_shares_of_width_and_height(runs):
    test = next(test for test in runs.tests if test.model == 'sam_finetune')
    x, y, label = (float(v) for v in str(test.images['prompt_points'][0]).split(':'))
    # A pixel's centre is a whole number, and the left border of the image is at −0.5.
    assert prompt_points(test, 0) == (((x + 0.5) / 64, (y + 0.5) / 64, int(label)),)


def test_models_without_prompts_have_no_points(cases):
    assert all(case.points['unet'] == () for case in cases)
    assert all(len(case.points['sam_finetune']) == 1 for case in cases)


@pytest.fixture
def staged(tmp_path):
    """The folder of a test of two stages, of images of 64×64 pixels."""
    folder = tmp_path / 'work' / '20260102_000000'
    tested = predict(make_rows('zgt', 12, 0.25, 0), np.random.default_rng(0), 0.6)
    make_test(folder, 'unet', 'zgt', tested)
    add_candidates(folder)
    return folder


def test_candidates_are_shares_of_width_and_height(staged):
    (test,) = find_runs([staged]).tests
    with (staged / 'candidates_test.csv').open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    (case, *_), found = find_cases(find_runs([staged])), candidates_by_key(test)
    assert case.candidates == {'unet': tuple(found[case.key])}
    assert sum(map(len, found.values())) == len(rows) == 36
    for row in rows:
        one = found[row['key']][int(row['number']) - 1]
        assert one.x == pytest.approx((float(row['x']) + 0.5) / 64, abs=1e-5)
        assert one.crop[2] == pytest.approx(float(row['right']) / 64, abs=1e-5)
        assert one.crop[3] == pytest.approx(float(row['bottom']) / 64, abs=1e-5)
        assert (one.kept, one.found) == (row['kept'] == '1', row['holds'] != '')
        assert one.score == pytest.approx(float(row['score']), abs=1e-4)


def test_models_of_one_stage_have_no_candidates(cases, runs):
    assert all(case.candidates == {} for case in cases)
    assert candidates_by_key(runs.tests[0]) == {}


def test_no_candidates_are_shown_on_another_grid(staged):
    summary = json.loads((staged / 'test.json').read_text())
    summary['evaluator'] = {'eval_size': 32}
    (staged / 'test.json').write_text(json.dumps(summary))
    (test,) = find_runs([staged]).tests
    assert candidates_by_key(test) == {}


def test_nobody_knows_what_candidates_hold_where_nobody_outlined_a_lesion(staged):
    add_image_labels(staged, count=1)
    path = staged / 'candidates_test.csv'
    first = path.read_text().splitlines()[1].replace('zgt_images_00000', 'label0')
    path.write_text(f'{path.read_text()}{first}\n')
    (test,) = find_runs([staged]).tests
    assert [one.found for one in candidates_by_key(test)['label0']] == [None]
