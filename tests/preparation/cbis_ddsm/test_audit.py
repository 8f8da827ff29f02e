from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cbis_samples import make_case

from mmseg_mammo.preparation.cbis_ddsm.audit import audit_image, audit_row, summary
from mmseg_mammo.preparation.cbis_ddsm.image import ImageJob, Region, RegionOutcome, index_row

FOUND = RegionOutcome(mask_file='a/1-1.dcm', rule='content')
SCALED = replace(FOUND, repairs='file order+uniform scale', detail='mask 87×52, image 100×60')
CASES = [
    make_case('Calc-Test_P_00038_LEFT_CC', row=2),
    make_case('Calc-Test_P_00038_LEFT_CC', row=3, abnormality_id='2', pathology='BENIGN'),
]
JOB = ImageJob('Calc-Test_P_00038_LEFT_CC', Path('raw'), (), tuple(Region(c, ()) for c in CASES), 0)
SPLITS = {'P_00038': 'test'}


def make_record(*outcomes):
    return {
        'image': 'images/a.png',
        'mask': 'masks/a.png',
        'image_file': 'a.dcm',
        'original_height': 100,
        'original_width': 60,
        'regions': [asdict(outcome) for outcome in outcomes],
    }


def statuses(on_mismatch, *outcomes):
    lines = audit_image(JOB, make_record(*outcomes), on_mismatch, SPLITS)
    return [(line['status'], line['reason'], bool(line['image'])) for line in lines]


def test_a_scaled_mask_is_repaired_or_leaves_the_whole_image_out():
    assert statuses('repair', FOUND, SCALED) == [('resolved', '', True), ('repaired', '', True)]
    skipped = [
        ('skipped', 'other region of the image', False),
        ('skipped', 'mask of another size', False),
    ]
    assert statuses('drop', FOUND, SCALED) == skipped
    assert statuses('fail', FOUND, SCALED) == skipped


def test_a_mask_at_another_place_than_the_table_says_is_no_mismatch():
    moved = replace(FOUND, repairs='file order')
    assert statuses('fail', FOUND, moved) == [('resolved', '', True), ('repaired', '', True)]


def test_a_missing_mask_keeps_its_reason():
    assert statuses('repair', RegionOutcome(reason='mask missing'), FOUND) == [
        ('skipped', 'mask missing', False),
        ('skipped', 'other region of the image', False),
    ]


@pytest.mark.parametrize('phantom, kind', [(True, 'phantom'), (False, 'contour')])
def test_the_index_row_joins_pathologies_and_marks_phantoms(phantom, kind):
    row = index_row(JOB, make_record(FOUND, FOUND), SPLITS, phantom)
    assert (row.finding, row.pathology) == ('calcification', 'malignant+benign')
    assert (row.annotated, row.mask_kind) == ('lesion', kind)
    assert row.source == ('phantom-cbis' if phantom else 'cbis-ddsm')
    assert (row.split, row.laterality, row.view, row.density) == ('test', 'LEFT', 'CC', '3')


def test_the_summary_counts_rows_images_and_patients_per_subset():
    audit = [
        *audit_image(JOB, make_record(FOUND, SCALED), 'repair', SPLITS),
        audit_row(make_case('Mass-Training_P_00038_LEFT_CC'), status='dropped', reason='leaked'),
        audit_row(make_case('Mass-Test_P_00040_LEFT_CC'), status='skipped', reason='mask missing'),
    ]
    lines = [line.split() for line in summary(audit).splitlines()]
    assert lines[1:5] == [
        ['mass', 'train', '1', '0', '0', '0', '1', '0', '0'],
        ['mass', 'test', '1', '0', '0', '1', '0', '0', '0'],
        ['calcification', 'test', '2', '1', '1', '0', '0', '1', '1'],
        ['all', '4', '1', '1', '1', '1', '1', '1'],
    ]
    text = summary(audit)
    assert 'repaired: 1 × file order\nrepaired: 1 × uniform scale' in text
    assert 'skipped: 1 × mask missing\ndropped: 1 × leaked' in text
    assert 'WARNING' not in text


def test_a_suspect_repair_is_a_warning_with_both_sizes():
    suspect = replace(SCALED, repairs='suspect resize')
    text = summary(audit_image(JOB, make_record(FOUND, suspect), 'repair', SPLITS))
    assert 'WARNING: suspect size of Calc-Test_P_00038_LEFT_CC_2: mask 87×52' in text


def test_a_note_is_printed_and_stands_in_the_audit():
    lines = audit_image(JOB, make_record(FOUND, replace(FOUND, note='odd')), 'repair', SPLITS)
    assert [line['note'] for line in lines] == ['', 'odd']
    assert 'WARNING: Calc-Test_P_00038_LEFT_CC_2: odd' in summary(lines)


def test_a_region_that_no_table_describes_leaves_the_whole_image_out():
    strays = ['Calc-Test_P_00038_LEFT_CC_7']
    lines = audit_image(JOB, make_record(FOUND, FOUND), 'repair', SPLITS, strays)
    assert {(line['status'], line['reason'], line['detail']) for line in lines} == {
        ('skipped', 'region without a row', strays[0])
    }
