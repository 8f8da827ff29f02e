import pytest

from mmseg_mammo.reporting.candidate_masks import candidate_section
from mmseg_mammo.reporting.runs import Runs


def test_models_without_candidates_have_no_section(runs):
    plain = tuple(test for test in runs.tests if test.model == 'unet')
    assert candidate_section(Runs(plain, (), ())) is None


def test_heads_the_kept_mask_and_the_best_in_hindsight_are_those_of_the_csv(tables, runs):
    rows = tables['candidates_zgt']
    images = next(t for t in runs.on('zgt') if t.model == 'sam_finetune').images
    lesion = images['truth_pixels'] > 0
    found = {row['mask']: row for row in rows if row['images'] == 'lesion'}
    assert list(found) == ['candidate 0', 'candidate 1', 'candidate 2', 'kept', 'best in hindsight']
    for mask, column in (
        ('candidate 1', 'candidate_1_iou'),
        ('kept', 'iou'),
        ('best in hindsight', 'hindsight_iou'),
    ):
        assert found[mask]['IoU %'] == pytest.approx(100 * images[column][lesion].mean(), abs=0.006)
    error = (images['candidate_1_predicted_iou'] - images['candidate_1_iou'])[lesion]
    assert found['candidate 1']['bias'] == pytest.approx(100 * error.mean(), abs=0.006)
    assert found['candidate 1']['error'] == pytest.approx(100 * abs(error).mean(), abs=0.006)
    assert found['kept']['of one object'] == lesion.sum()
    assert sum(found[f'candidate {k}']['kept in %'] for k in range(3)) == pytest.approx(
        100, abs=0.02
    )
