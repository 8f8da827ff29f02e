import csv

import numpy as np
import pytest
from runs import make_rows, make_test, predict

from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import grid_notes
from mmseg_mammo.reporting.sections.results import NOTHING
from mmseg_mammo.reporting.sections.thesis import TABLE_I, TABLE_II, TABLE_III, thesis_section


def test_published_numbers_stand_beside_ours(tables):
    by_name = {row['thesis']: row for row in tables['thesis_1']}
    assert list(by_name) == [*(line.model for line in TABLE_I), NOTHING]
    vpt = by_name['SETR-VPT']
    assert (vpt['published IoU %'], vpt['published Dice %']) == (8.26, 11.30)
    assert (vpt['ours'], vpt['data set'], vpt['trained, M']) == ('setr_pup_vpt', 'cbis_ddsm', 5.36)
    assert vpt['Dice %'] == vpt['Dice %, lesion']  # CBIS-DDSM has no normal image
    assert by_name['SAM-FT']['published Dice %'] == 39.84


def test_what_we_did_not_test_keeps_its_published_numbers(tables):
    row = next(row for row in tables['thesis_2'] if row['thesis'] == 'SAM-ZS')
    assert row['published IoU %'] == 0.52
    assert row['ours'] is None
    assert row['Dice %'] is None


def test_predicting_nothing_beats_every_published_model_on_zgt(tables):
    row = next(row for row in tables['thesis_2'] if row['thesis'] == NOTHING)
    assert row['published Dice %'] == 47.09
    assert row['published Dice %'] > max(line.dice for line in TABLE_II)
    # 11 of 24 images of the fixture are normal.
    assert row['Dice %'] == pytest.approx(100 * 11 / 24, abs=0.01)
    assert row['left empty %, normal'] == 100


def test_published_numbers_with_prompts_from_the_truth_are_marked_with_or_without_ours(tables):
    for name in ('thesis_1', 'thesis_2'):
        rows = [row for row in tables[name] if 'prompts from the truth' in row['mark']]
        assert {row['thesis']: row['ours'] for row in rows} == {
            'SAM-ZS': None,
            'SAM-FT': 'sam_finetune',
        }
        assert all(row['mark'].count('prompts') == 1 for row in rows)


def test_numbers_stand_below_the_names_of_their_scores_and_grids(tmp_path):
    """By hand, of one image: IoU 30 and Dice 100 · 60/130 on the grid of the masks, 20 and 100/3
    on the 224 grid."""
    tested = predict(make_rows('zgt', 2, 0.0, 0), np.random.default_rng(0), 0.5)[:1]
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested, kind='ZGTDataset')
    path = tmp_path / 'w' / '20260102_000000' / 'per_image_test.csv'
    with path.open(newline='', encoding='utf-8') as stream:
        (line,) = csv.DictReader(stream)
    pixels = dict(truth_pixels=80, predicted_pixels=50, intersection_pixels=30)
    on_224 = dict(truth_pixels_224=40, predicted_pixels_224=20, intersection_pixels_224=10)
    with path.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, list(line))
        writer.writeheader()
        writer.writerow({**line, **pixels, **on_224})
    (table,) = thesis_section(find_runs([tmp_path])).items
    row = next(
        r for r in (dict(zip(table.columns, r, strict=True)) for r in table.rows) if r['ours']
    )
    assert (row['IoU %'], row['Dice %']) == (30.0, 46.15)
    assert (row['IoU %, lesion'], row['Dice %, lesion']) == (30.0, 46.15)
    assert (row['IoU %, 224 grid'], row['Dice %, 224 grid']) == (20.0, 33.33)


def test_a_note_says_whose_224_grid_was_not_the_networks_own(tmp_path):
    tested = predict(make_rows('zgt', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    for number, (name, way) in enumerate((('unet', 'network'), ('sam_finetune', 'masks'))):
        folder = tmp_path / name / f'2026010{2 + number}_000000'
        make_test(folder, name, 'zgt', tested, kind='ZGTDataset')
        path = folder / 'per_image_test.csv'
        first, *rest = path.read_text().splitlines()
        lines = [f'{first},prediction_from_224', *(f'{line},{way}' for line in rest)]
        path.write_text('\n'.join(lines) + '\n')
    runs = find_runs([tmp_path])
    (note,) = grid_notes(runs.tests)
    assert 'predictions of sam_finetune were resized' in note
    assert note in thesis_section(runs).items[0].notes
    assert grid_notes([test for test in runs.tests if test.model == 'unet']) == ()


def thesis_of(folder, model, **data):
    """Rows of Table III with one of our models, after a test with the given data."""
    facts = {'type': 'CBISDDSMDataset', 'data_root': 'data/x', 'split': 'test', 'finding': None}
    tested = predict(make_rows('x', 8, 0.0, 0), np.random.default_rng(0), 0.5)
    make_test(folder / 'w' / '20260102_000000', model, 'x', tested, data={'test': facts | data})
    tables = {table.name: table for table in thesis_section(find_runs([folder])).items}
    if 'thesis_3' not in tables:
        return []
    table = tables['thesis_3']
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert len(rows) == len(TABLE_III)
    return [row['thesis'] for row in rows if row['ours']]


@pytest.mark.parametrize(
    ('model', 'data', 'rows'),
    [
        ('unet_adam', {}, ['U-Net']),
        ('unet_adam', {'finding': 'mass'}, []),
        ('unet_adam', {'split': 'val'}, []),
        ('unet_adam', {'split': 'train'}, []),
        ('unet_adam_mass', {'finding': 'mass'}, ['U-Net mass only']),
        ('unet_adam_mass', {}, []),
        ('', {'finding': 'mass'}, []),  # a config of that name has no row
    ],
)
def test_a_row_takes_tests_of_its_own_images_alone(tmp_path, model, data, rows):
    assert thesis_of(tmp_path, model, **data) == rows


def test_the_share_of_empty_images_is_not_taken_from_a_part_of_the_images(tmp_path):
    assert thesis_of(tmp_path, 'setr_pup_vpt', finding='mass') == []
    assert not thesis_section(find_runs([tmp_path])).items
    assert thesis_of(tmp_path / 'whole', 'setr_pup_vpt') == []
    (table,) = thesis_section(find_runs([tmp_path / 'whole'])).items
    rows = {row[0]: row[3] for row in table.rows if row[3]}
    assert rows == {'SETR-VPT': 'setr_pup_vpt', NOTHING: NOTHING}


def test_a_table_that_no_test_of_ours_fills_is_left_out(tables, sections, tmp_path):
    assert 'thesis_3' not in tables  # no U-Net with Adam
    assert any('Table II' in text for text in sections['thesis'].text)
    assert thesis_of(tmp_path / 'cbis', 'unet') == []
    assert not any('Table II' in t for t in thesis_section(find_runs([tmp_path / 'cbis'])).text)
    tested = predict(make_rows('ours', 8, 0.5, 0), np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'ours', tested)
    sections = build(find_runs([tmp_path / 'w']))[0]
    assert 'thesis' not in {section.anchor for section in sections}
