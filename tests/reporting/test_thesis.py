import numpy as np
import pytest
from runs import make_rows, make_test, predict

from mmseg_mammo.reporting.results import NOTHING
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.thesis import TABLE_I, TABLE_II, TABLE_III, thesis_section


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
    assert len(tables['thesis_3']) == len(TABLE_III)


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


def thesis_of(folder, model, **data):
    """Rows of Table III with one of our models, after a test with the given data."""
    facts = {'type': 'CBISDDSMDataset', 'data_root': 'data/x', 'split': 'test', 'finding': None}
    tested = predict(make_rows('x', 8, 0.0, 0), np.random.default_rng(0), 0.5)
    make_test(folder / 'w' / '20260102_000000', model, 'x', tested, data={'test': facts | data})
    table = thesis_section(find_runs([folder])).items[2]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
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
    assert thesis_of(tmp_path, 'unet', finding='mass') == []
    table = thesis_section(find_runs([tmp_path])).items[0]
    (row,) = (row for row in table.rows if row[0] == NOTHING)
    assert row[3] is None
