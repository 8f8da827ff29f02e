"""The run folder: complete, equal to a test's, honest about what was missing, and reported."""

import csv
import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch
from imported_masks import LESIONS, NORMAL, ORIGINAL, SHAPE, disc, make_prepared, write_masks
from prepared_sets import drop_masks

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.inference.imported.masks import Reading
from mmseg_mammo.inference.imported.run_files import Request
from mmseg_mammo.inference.imported.score import import_predictions
from mmseg_mammo.io.index import read_index
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import mark_notes

FIRST, SECOND = list(LESIONS)[:2]


@pytest.fixture
def data(tmp_path):
    make_prepared(tmp_path / 'data')
    return tmp_path / 'data'


@pytest.fixture
def cad(tmp_path):
    """Masks of three of the four test images: one right, one missing, one false, one empty."""
    masks = {'P1/CC.png': disc(LESIONS[FIRST]), 'P2/CC.png': disc((30, 50), 4)}
    return write_masks(tmp_path / 'cad', {**masks, 'P2/MLO.png': disc((0, 0), 0) & False})


def rows_of(folder, name='per_image_test.csv'):
    with (folder / name).open() as stream:
        return list(csv.DictReader(stream))


def test_it_leaves_what_a_test_leaves_and_scores_a_missing_file_as_empty(data, cad, tmp_path):
    folder = import_predictions(Request(data, cad, 'CAD 2'), tmp_path / 'w')
    found = {row['image']: row for row in rows_of(folder)}
    assert {image: round(float(row['dice']), 6) for image, row in found.items()} == {
        FIRST: 1,
        SECOND: 0,
        NORMAL[0]: 0,
        NORMAL[1]: 1,
    }
    assert {image: row['mask_file'] for image, row in found.items()} == {
        FIRST: 'P1/CC.png',
        SECOND: '',
        NORMAL[0]: 'P2/CC.png',
        NORMAL[1]: 'P2/MLO.png',
    }
    lesions = rows_of(folder, 'lesions_test.csv')
    assert sorted((row['image'], row['kind'], row['match']) for row in lesions) == [
        (FIRST, 'detection', '1'),
        (FIRST, 'true', '1'),
        (SECOND, 'true', ''),
        (NORMAL[0], 'detection', ''),
    ]
    summary, run = (json.loads((folder / f'{name}.json').read_text()) for name in ('test', 'run'))
    assert summary['scores']['lesion_dice'] == pytest.approx(50)
    assert summary['imported']['missing_images'] == [SECOND]
    assert summary['left_out'] == run['data']['test']['left_out']
    assert (run['mode'], run['state'], run['checkpoint']) == ('test', 'finished', None)
    assert (run['imported']['missing'], run['imported']['kind']) == (1, 'masks')
    assert SECOND not in json.dumps(run)  # counts only
    pictures = {path.name for path in (folder / 'viewer').iterdir()}
    assert {'made_images_P1_CC_predicted.png', 'made_images_P1_MLO.jpg'} <= pictures
    assert 'made_images_P1_MLO_predicted.png' not in pictures


def test_the_report_calls_it_by_its_name_marks_it_and_compares_it(cad, tmp_path):
    data = tmp_path / 'six'
    make_prepared(data, more=4)
    import_predictions(Request(data, cad, 'CAD'), tmp_path / 'w' / 'a')
    import_predictions(Request(data, cad, 'CAD'), tmp_path / 'w' / 'b')
    import_predictions(Request(data, data / 'masks', 'truth'), tmp_path / 'w' / 'c')
    runs = find_runs([tmp_path / 'w'])
    assert runs.models == ('CAD', 'truth')
    assert [reason for _, reason in runs.left_out] == ['a newer test of the same is there']
    assert all('imported masks' in test.marks for test in runs.tests)
    notes = ' '.join(mark_notes(runs.tests))
    assert 'CAD: 5 of 8 images of six without a mask file: scored as empty.' in notes
    assert 'CAD: masks without probabilities' in notes
    assert any('how it was trained, is not known' in warning for warning in runs.warnings)
    tables = {item.name: item for section in build(runs)[0] for item in section.items}
    pairs = [row for row in tables['comparisons'].rows if {'CAD', 'truth'} <= set(row)]
    assert (pairs[0][1], pairs[0][5], pairs[0][7]) == ('all', 8, -25)


def test_a_file_of_no_image_is_counted_and_warned_of(data, cad, tmp_path):
    write_masks(cad, {'P9/stray.png': disc((9, 9))})
    folder = import_predictions(Request(data, cad, 'CAD'), tmp_path / 'w')
    assert json.loads((folder / 'test.json').read_text())['imported']['unmatched_files'] == [
        'P9/stray.png'
    ]
    assert any('1 imported files mean no image' in line for line in find_runs([folder]).warnings)


def test_scores_of_a_table_rank_images_and_detections(data, cad, tmp_path):
    table = tmp_path / 'cad.csv'
    table.write_text(
        'image,mask,score\nP1/CC,P1/CC.png,0.9\nP1/MLO,,0.3\nP2/CC,P2/CC.png,0.2\nP2/MLO,,0.1\n'
    )
    folder = import_predictions(Request(data, cad, 'CAD', table), tmp_path / 'w')
    scores = {row['image']: float(row['max_probability']) for row in rows_of(folder)}
    assert scores == {FIRST: 0.9, SECOND: 0.3, NORMAL[0]: 0.2, NORMAL[1]: 0.1}
    found = [row for row in rows_of(folder, 'lesions_test.csv') if row['kind'] == 'detection']
    assert [float(row['score']) for row in found] == [0.9, 0.2]
    run = json.loads((folder / 'run.json').read_text())
    assert run['scores']['auroc'] == 1  # all four in order, though one lesion has no mark
    assert (run['imported']['kind'], run['imported']['missing']) == ('masks and scores', 0)


def test_the_highest_probability_is_the_score_of_an_image(data, tmp_path):
    levels = (disc(LESIONS[FIRST]) * 50000).astype(np.uint16)
    maps = write_masks(tmp_path / 'maps', {'P1/CC.png': levels})
    reading = Reading(probabilities=True)
    folder = import_predictions(Request(data, maps, 'maps', reading=reading), tmp_path / 'w')
    row = next(row for row in rows_of(folder) if row['image'] == FIRST)
    assert float(row['max_probability']) == pytest.approx(50000 / 65535)
    assert json.loads((folder / 'run.json').read_text())['test_output']['threshold'] == 0.5


def test_masks_called_probabilities_are_refused_and_nothing_is_left(data, tmp_path):
    ones = write_masks(tmp_path / 'maps', {'P1/CC.png': disc((9, 9)).astype(np.uint8)})
    request = Request(data, ones, 'maps', reading=Reading(probabilities=True))
    with pytest.raises(MammoError, match='no file has a value beyond 1'):
        import_predictions(request, tmp_path / 'w')
    assert [path.name for path in (tmp_path / 'w').iterdir()] == ['.starting.lock']


@pytest.mark.parametrize('name', ['', ' ', 'a/b', '..'])
def test_a_name_is_one_of_a_folder(data, cad, tmp_path, name):
    with pytest.raises(MammoError, match='a name without slashes'):
        import_predictions(Request(data, cad, name), tmp_path / 'w')


def test_an_index_that_is_not_there_is_said(cad, tmp_path):
    with pytest.raises(MammoError, match=r'no index\.csv'):
        import_predictions(Request(tmp_path / 'x', cad, 'CAD'), tmp_path / 'w')


def test_an_image_label_is_scored_at_the_image_level_alone(data, cad, tmp_path):
    whole = import_predictions(Request(data, cad, 'CAD 2'), tmp_path / 'w')
    folder = import_predictions(
        Request(drop_masks(data, tmp_path / 'mixed', FIRST), cad, 'CAD 2'), tmp_path / 'mixed_w'
    )
    before, after = ({row['image']: row for row in rows_of(one)} for one in (whole, folder))
    row, key = after.pop(FIRST), before[FIRST]['key']
    assert (row['dice'], row['truth_pixels'], row['hausdorff95']) == ('', '', '')
    for name in ('predicted_pixels', 'max_probability', 'mask_file'):
        assert row[name] == before[FIRST][name]
    assert after == {image: before[image] for image in after}
    assert FIRST not in {row['image'] for row in rows_of(folder, 'lesions_test.csv')}
    scores = json.loads((folder / 'test.json').read_text())['scores']
    assert (scores['images'], scores['image_label_images']) == (3, 1)
    assert (whole / 'viewer' / f'{key}_truth.png').exists()
    assert not (folder / 'viewer' / f'{key}_truth.png').exists()
    assert build(find_runs([folder]))[0]


def test_masks_that_the_metric_wrote_come_back_with_equal_numbers(data, tmp_path):
    """What needs no probability is equal to the bit; lesions and blobs of every size are there."""
    rows = [row for row in read_index(data / 'index.csv') if row.split == 'test']
    metric = MammographyMetric(lesions=True, output_dir=str(tmp_path / 'masks'))
    generator = np.random.default_rng(0)
    for row in rows:
        noise = cv2.GaussianBlur(generator.random(SHAPE, np.float32), (0, 0), 3)
        truth = disc(LESIONS[row.image]) if row.mask else np.zeros(SHAPE, bool)
        metric.process(
            None, [sample_of(row, 0.4 + (noise - noise.mean()) * 4 + 0.3 * truth, truth)]
        )
    metric.evaluate(len(rows))
    folder = import_predictions(Request(data, tmp_path / 'masks', 'again'), tmp_path / 'w')
    again = {row['image']: row for row in rows_of(folder)}
    for record in metric.records:
        assert record['predicted_pixels'] > 0
        kept = {n: str(v) for n, v in record.items() if '224' not in n and n != 'max_probability'}
        assert kept == {name: again[record['image']][name] for name in kept}


def sample_of(row, probability, truth):
    probability = torch.from_numpy(np.clip(probability, 0, 1).astype(np.float32))[None]
    data = {'seg_logits': probability, 'pred_sem_seg': (probability > 0.5).long()}
    data['gt_sem_seg'] = torch.from_numpy(truth.astype(np.int64))[None]
    return {**asdict(row), **{name: {'data': value} for name, value in data.items()}}


def test_values_that_no_file_has_are_no_empty_masks(data, cad, tmp_path):
    request = Request(data, cad, 'CAD', reading=Reading(lesion_values=(1, 2)))  # it marks with 255
    with pytest.raises(MammoError, match='--lesion-values 1,2: no file has any of them'):
        import_predictions(request, tmp_path / 'w')


def test_masks_of_more_than_half_of_an_image_are_counted(data, cad, tmp_path):
    write_masks(cad, {'P1/CC.png': ~disc(LESIONS[FIRST])})  # white is background
    folder = import_predictions(Request(data, cad, 'CAD'), tmp_path / 'w')
    assert json.loads((folder / 'test.json').read_text())['imported']['over_half'] == 1


def test_masks_on_the_grid_of_the_original_are_counted(data, cad, tmp_path):
    write_masks(cad, {'P1/CC.png': np.ones(ORIGINAL, np.uint8)})
    folder = import_predictions(Request(data, cad, 'CAD'), tmp_path / 'w')
    assert json.loads((folder / 'test.json').read_text())['imported']['resized'] == 1
