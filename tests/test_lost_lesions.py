"""Where a model of two stages loses lesions, from its checkpoint to the report and the prediction page."""

import csv
import json

import pytest
from two_stage_models import save_two_stages

from mmseg_mammo.cli.main import main
from mmseg_mammo.reporting.page.cases import find_cases
from mmseg_mammo.reporting.page.viewer import viewer_data
from mmseg_mammo.reporting.runs import find_runs

pytestmark = pytest.mark.slow


def rows(path):
    with path.open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope='module')
def folders(prepared, tmp_path_factory):
    """A test and a folder of predictions of one checkpoint, on the same images."""
    folder = tmp_path_factory.mktemp('stages')
    checkpoint = save_two_stages(folder / 'two.pth', prepared, keep={'count': 2})
    main(['test', str(checkpoint), '--work-dir', str(folder / 'work')])
    words = (str(checkpoint), str(prepared), '--split', 'test', '--out', str(folder / 'predicted'))
    main(['predict', *words])
    return folder


def cases_of(page):
    text = page.read_text(encoding='utf-8')
    return json.loads(text.split('id="data">', 1)[1].split('</script>', 1)[0])['cases']


def test_every_true_lesion_is_lost_somewhere_or_segmented(folders):
    (run,) = (folders / 'work').glob('*/lesions_test.csv')
    lesions = [row for row in rows(run) if row['kind'] == 'true']
    candidates = rows(run.with_name('candidates_test.csv'))
    assert lesions
    for lesion in lesions:
        finding = [one for one in candidates if one['key'] == lesion['key'] and one['holds']]
        kept = any(one['kept'] == '1' for one in finding)
        wanted = 'segmented badly' if kept else 'ranked away' if finding else 'not found'
        assert lesion['lost'] == ('' if lesion['match'] else wanted)
    scores = json.loads(run.with_name('test.json').read_text())['scores']
    lost = sum(scores[f'lost_{name}'] for name in ('not_found', 'ranked_away', 'segmented_badly'))
    assert lost == pytest.approx(100 - scores['lesion_sensitivity_iou10'])


def test_detections_have_the_scores_of_kept_candidates(folders):
    (run,) = (folders / 'work').glob('*/lesions_test.csv')
    found = [row for row in rows(run) if row['kind'] == 'detection']
    candidates = rows(run.with_name('candidates_test.csv'))
    kept = {(one['key'], one['score']) for one in candidates if one['kept'] == '1'}
    assert found
    assert {(row['key'], row['score']) for row in found} <= kept


def test_the_candidates_of_predict_are_those_of_test(folders):
    (tested,) = (folders / 'work').glob('*/candidates_test.csv')
    known = rows(tested)
    found = {
        (row['image'], row['number']): row for row in rows(folders / 'predicted' / 'candidates.csv')
    }
    assert known
    for row in known:
        same = found[row['image'], row['number']]
        for name in ('x', 'y', 'left', 'top', 'right', 'bottom', 'score', 'finder_score', 'kept'):
            assert float(same[name]) == pytest.approx(float(row[name]), abs=0.006), name


def test_report_and_prediction_page_show_the_same_candidates(folders):
    tested = viewer_data(find_cases(find_runs([folders / 'work'])))['cases']
    predicted = cases_of(folders / 'predicted' / 'index.html')
    told = {}
    for case in (*tested, *predicted):
        (candidates,) = case['candidates'].values()
        told.setdefault(case['key'].rpartition('_')[2], []).append(candidates)  # 6 of 6.png
    both = [each for each in told.values() if len(each) == 2]
    assert len(both) == 2
    for tested, predicted in both:
        assert [one['kept'] for one in tested] == [one['kept'] for one in predicted]
        for one, other in zip(tested, predicted, strict=True):
            assert one['crop'] == pytest.approx(other['crop'], abs=1e-3)
            assert (one['found'] is None, other['found']) == (False, None)
