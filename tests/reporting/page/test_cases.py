import pytest

from mmseg_mammo.reporting.page.cases import prompt_points


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
