from dataclasses import replace

import numpy as np
import pytest

from mmseg_mammo.evaluation.bootstrap import adjust, mean, sign_flip, smallest_adjusted
from mmseg_mammo.evaluation.overlap import Overlap, summarise
from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.sections.results import NOTHING, result_section
from mmseg_mammo.visualization.plots import Figure


@pytest.fixture
def section(sections):
    return sections['results']


def test_scores_of_all_lesion_and_normal_images_are_those_that_the_test_printed(tables, runs):
    for dataset in runs.datasets:
        rows = {(row['model'], row['images']): row for row in tables[f'results_{dataset}']}
        for test in runs.on(dataset):
            images = test.images
            pixels = (images[f'{n}_pixels'] for n in ('truth', 'predicted', 'intersection'))
            counts = [Overlap(*map(int, each)) for each in zip(*pixels, strict=True)]
            scores = summarise(counts, images['max_probability'])
            for stratum, prefix in (('all', ''), ('lesion', 'lesion_'), ('normal', 'normal_')):
                row = rows[test.model, stratum]
                wanted = scores[f'{prefix}iou'], scores[f'{prefix}dice']
                assert row['n'] == scores[f'{prefix}images']
                if row['n']:
                    assert (row['IoU %'], row['Dice %']) == pytest.approx(wanted, abs=0.006)
            if scores['normal_images']:
                empty = rows[test.model, 'normal']['left empty %']
                assert empty == pytest.approx(scores['specificity'], abs=0.006)
            nothing = rows[NOTHING, 'all']['Dice %']
            assert nothing == pytest.approx(scores['predict_nothing_dice'], abs=0.006)


def test_means_lie_in_their_intervals(tables):
    for row in tables['results_zgt']:
        for name in ('IoU', 'Dice'):
            if row['model'] == NOTHING and row['images'] != 'all':  # every patient is alike
                assert row[f'{name} low'] is row[f'{name} high'] is None
            else:
                assert row[f'{name} low'] < row[f'{name} %'] < row[f'{name} high']


def test_a_stratum_without_images_has_no_numbers(tables):
    normal = [r for r in tables['results_cbis_ddsm'] if r['images'] == 'normal']
    assert all(row['n'] == 0 and row['Dice %'] is None for row in normal)


def test_every_row_says_what_its_masks_are_and_where_prompts_came_from(tables):
    for row in tables['results_zgt']:
        assert 'phantom masks' in row['mark']
        assert ('prompts from the truth' in row['mark']) == (row['model'] == 'sam_finetune')


def test_every_pair_of_models_is_compared_once(tables):
    rows = tables['comparisons']
    pairs = {(r['data set'], r['images'], r['model'], r['against']) for r in rows}
    # Three pairs: all images of cbis_ddsm, where all have a lesion, and three strata of zgt.
    assert len(pairs) == len(rows) == 3 * (1 + 3)
    assert {r['images'] for r in rows if r['data set'] == 'cbis_ddsm'} == {'all'}
    assert all(row['p'] <= row['p adjusted'] <= 1 for row in rows)


def test_a_tuned_model_is_held_against_its_start(runs):
    first, second = runs.on('cbis_ddsm')[:2]
    start = replace(first, run={**first.run, 'checkpoint_sha256': 'a'})
    tuned = replace(second, run={**second.run, 'checkpoint_sha256': 'b', 'tuned_from': 'a'})
    for tests in ((start, tuned), (tuned, start)):
        items = result_section(replace(runs, tests=tests)).items
        [table] = [item for item in items if isinstance(item, Table) and item.name == 'comparisons']
        assert {(row[3], row[4]) for row in table.rows} == {(second.model, first.model)}


def test_differences_are_those_of_the_means(tables):
    means = {(r['model'], r['images']): r for r in tables['results_zgt']}
    for row in tables['comparisons']:
        if row['data set'] == 'zgt':
            column = f'{row["score"]} %'
            one, other = (means[row[name], row['images']][column] for name in ('model', 'against'))
            assert row['difference'] == pytest.approx(one - other, abs=0.011)


def test_intervals_draw_patients_not_images(tables, runs):
    for row in tables['results_zgt']:
        if row['model'] != NOTHING and row['images'] == 'lesion':
            images = next(t for t in runs.on('zgt') if t.model == row['model']).images
            lesion = images['truth_pixels'] > 0
            values = 100 * images['dice'][lesion]
            by_patient = mean(values, images.patients[lesion])
            ends = (row['Dice low'], row['Dice high'])
            assert ends == pytest.approx((by_patient.low, by_patient.high), abs=0.006)
            by_image = mean(values, images['key'][lesion])
            assert ends != pytest.approx((by_image.low, by_image.high), abs=0.006)
            assert row['patients'] == len(set(images['patient_id'][lesion])) < row['n']


def test_signs_are_flipped_and_intervals_drawn_by_patient(tables, runs):
    apart = 0
    for row in tables['comparisons']:
        if row['score'] != 'Dice':
            continue
        one, other = (
            next(t.images for t in runs.on(row['data set']) if t.model == row[name])
            for name in ('model', 'against')
        )
        kept = (one['truth_pixels'] > 0) | (row['images'] == 'all')
        differences = 100 * (one['dice'] - other['dice'])[kept]
        patients, images = one.patients[kept], one['key'][kept]
        drawn = mean(differences, patients)
        assert (row['low'], row['high']) == pytest.approx((drawn.low, drawn.high), abs=0.006)
        by_patient, by_image = (
            sign_flip(differences[:, None], names)[0] for names in (patients, images)
        )
        assert row['p'] == pytest.approx(by_patient, abs=6e-6)
        apart += abs(by_patient - by_image) > 0.001
    assert apart


def test_p_values_are_adjusted_for_all_rows_of_all_data_sets_together(tables):
    rows = tables['comparisons']
    together = adjust(np.array([row['p'] for row in rows]))
    assert [row['p adjusted'] for row in rows] == pytest.approx(together, abs=3e-4)
    apart = [
        adjusted
        for dataset in dict.fromkeys(row['data set'] for row in rows)
        for adjusted in adjust(np.array([r['p'] for r in rows if r['data set'] == dataset]))
    ]
    assert together != pytest.approx(np.array(apart), abs=2e-4)


def test_the_note_has_the_smallest_possible_p_values(section):
    (table,) = (item for item in section.items if item.name == 'comparisons')
    alone, together = smallest_adjusted(12)
    note = ' '.join(table.notes)
    assert '99,999 flips' in note
    assert f'adjusted not below {together:.5f}, and {alone:.5f} if one row' in note


def test_figures_are_png_and_svg_and_say_in_words_what_they_show(section):
    figures = [item for item in section.items if isinstance(item, Figure)]
    assert len(figures) == 2
    assert 'predict nothing 100.0' in figures[1].alt
    for figure in figures:
        assert figure.png.startswith(b'\x89PNG')
        assert '<svg' in figure.svg
        assert 'unet' in figure.alt
        assert 'Not a medical device' in figure.caption


def test_the_same_runs_give_the_same_bytes(section, runs):
    again = result_section(runs)
    for one, other in zip(section.items, again.items, strict=True):
        assert one == other
