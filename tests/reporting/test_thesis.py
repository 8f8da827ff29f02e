import pytest

from mmseg_mammo.reporting.results import NOTHING
from mmseg_mammo.reporting.thesis import TABLE_I, TABLE_II, TABLE_III


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


def test_prompts_from_the_truth_are_marked(tables):
    for name in ('thesis_1', 'thesis_2'):
        marked = {row['thesis'] for row in tables[name] if 'prompts' in row['mark']}
        assert marked == {'SAM-FT'}
