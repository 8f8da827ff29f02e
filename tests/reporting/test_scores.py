import csv

import numpy as np
import pytest
from runs import make_rows, make_test, predict

from mmseg_mammo.evaluation.bootstrap import mean
from mmseg_mammo.evaluation.overlap import dice, iou
from mmseg_mammo.io.run_folder import Records
from mmseg_mammo.io.table import write_table
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import (
    NARROW,
    empty_counts,
    few_notes,
    mark_cells,
    mark_notes,
    number,
    size_names,
)
from mmseg_mammo.visualization.plots import Figure


def test_predicting_nothing_on_97_normal_images_of_206_scores_47_1_percent():
    images = Records(
        {'truth_pixels': np.array([50.0] * 109 + [0.0] * 97)}
        | {name: np.full(206, 7.0) for name in ('predicted_pixels', 'intersection_pixels')}
    )
    assert 100 * dice(*empty_counts(images)).mean() == pytest.approx(47.1, abs=0.05)
    assert 100 * iou(*empty_counts(images)).mean() == pytest.approx(100 * 97 / 206, abs=1e-6)


def test_sizes_are_shares_of_the_image_area():
    images = Records(
        {
            'truth_pixels': np.array([0.0, 49, 50, 199, 200]),
            'height': np.full(5, 100.0),
            'width': np.full(5, 100.0),
        }
    )
    words = [name.split(' ')[0] for name in size_names(images)]
    assert words == ['no', 'small', 'medium', 'medium', 'large']


def test_a_number_that_is_none_has_no_digits():
    assert number(float('nan')) is None
    assert number(12.3456) == 12.35
    assert str(number(-1e-9)) == '0.0'


def test_what_must_be_known_beside_numbers_is_said(runs):
    unprompted = [test for test in runs.tests if test.model == 'unet']
    notes = ' '.join(mark_notes(unprompted))
    assert 'synthetic' in notes
    assert 'Not a medical device' in notes
    assert 'Prompts from the truth' not in notes
    assert 'Prompts from the truth' in ' '.join(mark_notes(runs.tests))


def test_fewer_than_five_are_named_but_not_those_of_which_there_are_none():
    assert few_notes({'a': 4, 'b': 5, 'c': 0, 'd': 1}) == ('Fewer than 5 images: a, d.',)
    assert few_notes({'b': 5, 'c': 0}) == ()


def test_an_interval_of_few_patients_is_marked_and_no_other_number():
    values = np.random.default_rng(0).random(30)
    few, enough, none = (mean(values[:n], np.arange(n).astype(str)) for n in (19, 20, 4))
    assert few_notes({'a': few, 'b': enough, 'c': none, 'd': 7}) == (
        'Fewer than 20 patients, may be too narrow: a.',
    )


def test_every_row_with_an_interval_of_few_patients_says_so(tables, sections):
    """24 images of 12 patients: each interval of every table."""
    assert NARROW == 'fewer than 20 patients: may be too narrow'
    marked_tables = set()
    for name, rows in tables.items():
        for row in rows:
            ends = [v for k, v in row.items() if k.split(' ')[-1] == 'low']
            assert (NARROW in (row.get('mark') or '')) == any(v is not None for v in ends), name
            if NARROW in (row.get('mark') or ''):
                marked_tables.add(name.split('_')[0])
    assert marked_tables >= {
        *('results', 'comparisons', 'transfer', 'drops', 'conventions', 'strata', 'lesions'),
        *('outlines', 'froc', 'detection', 'threshold', 'candidates', 'predicted'),
    }
    for anchor, item in ((s.anchor, i) for s in sections.values() for i in s.items):
        if isinstance(item, Figure) and '95 % intervals' in item.caption:
            assert 'Fewer than 20 patients, may be too narrow: ' in item.caption, anchor


def test_a_number_of_two_tests_has_the_marks_of_both(runs):
    plain = next(test for test in runs.tests if test.model == 'unet')
    told = next(test for test in runs.tests if test.model == 'sam_finetune')
    assert set(told.marks) > set(plain.marks)
    assert set(mark_cells(plain, beside=(told,)).split('; ')) == set(told.marks)


def test_prompts_that_were_given_are_said(tmp_path):
    tested = predict(make_rows('zgt', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    folder = tmp_path / 'w' / '20260102_000000'
    make_test(folder, 'sam', 'zgt', tested, prompted=True)
    path = folder / 'per_image_test.csv'
    path.write_text(path.read_text().replace(',truth,', ',given,'))
    (test,) = find_runs([tmp_path]).tests
    assert 'prompts given' in mark_cells(test)
    assert 'prompts given' not in mark_cells(test, empty=True)
    assert 'Prompts given' in ' '.join(mark_notes([test]))
    assert 'without a prompt' not in ' '.join(mark_notes([test]))
    assert 'prompts from the truth' not in mark_cells(test)


def test_images_without_a_prompt_are_counted_below_every_table(tmp_path):
    tested = predict(make_rows('zgt', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    folder = tmp_path / 'w' / '20260102_000000'
    make_test(folder, 'sam', 'zgt', tested, prompted=True)
    path = folder / 'per_image_test.csv'
    lines = list(csv.DictReader(path.open()))
    for place, line in enumerate(lines):
        line.update(prompts_from='given', **({} if place > 2 else {'prompt_points': ''}))
    write_table(path, list(lines[0]), lines)
    (test,) = find_runs([tmp_path]).tests
    assert test.unprompted == 3
    assert f'sam: 3 of {len(lines)} images without a prompt: predicted empty.' in mark_notes([test])


def test_weak_masks_among_contours_are_counted_below_every_table(tmp_path):
    tested = predict(make_rows('zgt', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    folder = tmp_path / 'w' / '20260102_000000'
    make_test(folder, 'unet', 'zgt', tested)
    path = folder / 'per_image_test.csv'
    lines = list(csv.DictReader(path.open()))
    drawn = [line for line in lines if line['annotated'] == 'lesion']
    for line in lines:
        line['mask_kind'] = 'weak' if line in drawn[:2] else 'contour'
    write_table(path, list(lines[0]), lines)
    (test,) = find_runs([tmp_path]).tests
    said = f'zgt: 2 of {len(drawn)} masks are weak; Strata has the scores of each kind.'
    assert said in mark_notes([test])
    for line in drawn:
        line['mask_kind'] = 'weak'
    write_table(path, list(lines[0]), lines)
    (test,) = find_runs([tmp_path]).tests
    assert 'masks are weak' not in ' '.join(mark_notes([test]))
