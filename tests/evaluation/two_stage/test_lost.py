"""Where a lesion is lost, of an image with a lesion for each place."""

import csv

import pytest
from stage_samples import boxes, candidate, four_fates, stage_sample

from mmseg_mammo.engine.hooks.per_image_csv import write_metric_records
from mmseg_mammo.evaluation.lesions import compare_lesions
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.evaluation.table import format_table
from mmseg_mammo.evaluation.two_stage.lost import (
    LOST,
    NOT_FOUND,
    RANKED_AWAY,
    SEGMENTED_BADLY,
    compare_stages,
    summarise_lost,
)
from mmseg_mammo.io.run_folder import VALIDATION, VALIDATION_LESIONS


def evaluate(*samples, **options):
    metric = MammographyMetric(lesions=True, **options)
    metric.process(None, samples)
    return metric.evaluate(len(samples)), metric


def places(metric):
    return [row['lost'] for row in metric.lesion_rows if row['kind'] == 'true']


def test_each_lesion_is_lost_where_it_is_lost():
    scores, metric = evaluate(four_fates())
    assert places(metric) == ['', SEGMENTED_BADLY, RANKED_AWAY, NOT_FOUND]
    (record,) = metric.records
    assert [record[column] for column in LOST.values()] == [1, 1, 1]
    assert [scores[column] for column in LOST.values()] == [25, 25, 25]
    assert scores['lesion_sensitivity_iou10'] == 25
    assert [row['holds'] for row in metric.candidate_rows] == ['1', '2', '', '3', '']


def test_detections_are_the_regions_of_the_mask_with_the_scores_of_their_candidates():
    sample = four_fates()
    sample['seg_logits']['data'][0, 30, 18] = 0.4  # faint: no detection
    _, metric = evaluate(sample)
    found = [row for row in metric.lesion_rows if row['kind'] == 'detection']
    assert [(row['score'], row['predicted']) for row in found] == [(0.9, 1), (0.6, 1)]


def test_a_lesion_larger_than_every_crop_is_not_lost_if_it_is_hit():
    truth = boxes((0, 0, 40, 40, 1))
    small = stage_sample(boxes((0, 0, 16, 16, 0.9)), truth, [candidate(8, 8, (0, 0, 16, 16))])
    assert places(evaluate(small)[1]) == ['']


def test_a_closed_image_keeps_no_candidate():
    sample = four_fates() | {'presence': 0.1, 'presence_logit': -2.0, 'closed': True}
    sample['pred_sem_seg']['data'].zero_()
    _, metric = evaluate(sample)
    assert places(metric) == [RANKED_AWAY, RANKED_AWAY, RANKED_AWAY, NOT_FOUND]
    assert [row['kept'] for row in metric.candidate_rows] == [1, 1, 0, 0, 0]


def test_an_image_without_candidates_finds_nothing():
    scores, metric = evaluate(stage_sample(boxes(), boxes((4, 4, 9, 9, 1)), []))
    assert places(metric) == [NOT_FOUND]
    assert metric.candidate_rows == []
    assert scores['lost_not_found'] == 100


def test_the_places_are_the_same_on_another_grid():
    _, metric = evaluate(four_fates(), eval_size=(32, 24))
    assert places(metric) == ['', SEGMENTED_BADLY, RANKED_AWAY, NOT_FOUND]
    assert metric.candidate_rows[0]['right'] == 16  # pixels of the prepared image


def test_candidates_of_an_image_that_nobody_outlined_find_nobody_knows_what():
    label = {'annotated': 'lesion', 'mask_kind': 'image-label', 'image': 'l.png'}
    _, metric = evaluate(four_fates(), four_fates() | label)
    assert [record['lost_not_found'] for record in metric.records] == [1, None]
    rows = [row for row in metric.candidate_rows if row['image'] == 'l.png']
    assert len(rows) == 5
    assert {(row['holds'], row['centre_match']) for row in rows} == {('', '')}
    assert {row['key'] for row in rows} == {'s_l'}


def test_a_model_of_one_stage_is_compared_as_ever():
    sample = four_fates()
    del sample['candidates']
    given = [
        sample[name]['data'][0].numpy() for name in ('gt_sem_seg', 'pred_sem_seg', 'seg_logits')
    ]
    truth, predicted, probability = given[0] > 0, given[1] > 0, given[2]
    counts, rows = compare_stages(sample, truth, predicted, probability, 0.1, None)
    assert (counts, rows['lesions']) == compare_lesions(truth, predicted, probability, 0.1)
    assert [*rows] == ['lesions']
    scores, metric = evaluate(sample)
    assert not {*LOST.values()} & {*scores, *metric.records[0]}
    assert summarise_lost(metric.records) == {}


def test_tables_of_two_stages_have_a_column_and_a_file_more(tmp_path):
    sample = four_fates()
    write_metric_records(evaluate(sample)[1], tmp_path / 'two')
    del sample['candidates']
    write_metric_records(evaluate(sample)[1], tmp_path / 'one')
    heads = {}
    for name in ('one', 'two'):
        with (tmp_path / name / 'lesions_test.csv').open() as stream:
            heads[name] = next(csv.reader(stream))
    assert heads['two'] == [*heads['one'], 'lost']
    assert not (tmp_path / 'one' / 'candidates_test.csv').exists()
    with (tmp_path / 'two' / 'candidates_test.csv').open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row['score'] for row in rows] == ['0.9', '0.6', '0.4', '0.2', '0.1']


def test_lesions_of_all_images_count_alike():
    record = dict.fromkeys(LOST.values(), 0)
    many, none = record | {'true_lesions': 3, 'lost_not_found': 2}, record | {'true_lesions': 1}
    assert summarise_lost([many, none])['lost_not_found'] == 50
    alone = summarise_lost([record | {'true_lesions': 0}])
    assert alone['lost_not_found'] == pytest.approx(float('nan'), nan_ok=True)


def test_the_table_of_a_test_says_where_lesions_are_lost():
    scores, metric = evaluate(four_fates())
    text = format_table(scores, metric.records, None)
    said = '25.00 % not found, 25.00 % ranked away, 25.00 % segmented badly'
    assert f'two stages, lesions lost: {said}' in text


def test_a_validation_has_tables_of_its_own(tmp_path):
    write_metric_records(evaluate(four_fates())[1], tmp_path, VALIDATION, VALIDATION_LESIONS)
    assert {path.name for path in tmp_path.iterdir()} == {
        *('per_image_val.csv', 'lesions_val.csv', 'candidates_val.csv'),
    }
