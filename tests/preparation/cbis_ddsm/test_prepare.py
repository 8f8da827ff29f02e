import hashlib
import json
import shutil

import cv2
import numpy as np
import pydicom
import pytest
from cbis_samples import read_csv, run

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import read_index
from mmseg_mammo.phantoms.trees import DEFECTS, write_cbis_tree

LAYOUTS = ('L1', 'L2', 'L3', 'L4', 'L5', 'L6')


def snapshot(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cbis')
    return {
        layout: write_cbis_tree(folder / layout, layout=layout, patients=4, height=96, seed=2)
        for layout in LAYOUTS
    }


@pytest.fixture(scope='module')
def damaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp('damaged')
    defects = sorted(set(DEFECTS) - {'leaked'})
    return write_cbis_tree(folder / 'raw', patients=12, height=96, seed=3, defects=defects)


@pytest.fixture(scope='module')
def leaky(tmp_path_factory):
    folder = tmp_path_factory.mktemp('leaky')
    return write_cbis_tree(folder / 'raw', patients=5, height=96, seed=3, defects=['leaked'])


@pytest.fixture(scope='module')
def prepared(damaged, tmp_path_factory):
    out = tmp_path_factory.mktemp('prepared') / 'out'
    return (
        out,
        run(damaged, out),
        read_csv(out / 'audit.csv'),
        read_csv(damaged / 'phantom_truth.csv'),
    )


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_is_recognised_and_every_row_resolved(trees, layout, tmp_path):
    report = run(trees[layout], tmp_path / 'out', val_fraction=0.3)
    assert report.startswith(f'Layout: {layout} ')
    truth = read_csv(trees[layout] / 'phantom_truth.csv')
    audit = read_csv(tmp_path / 'out' / 'audit.csv')
    assert {name: line['mask_file'] for name, line in audit.items()} == {
        name: line['mask'] for name, line in truth.items()
    }
    assert all(line['crop_file'] == truth[name]['crop'] for name, line in audit.items())
    rows = read_index(tmp_path / 'out' / 'index.csv')
    assert {row.mask_kind for row in rows} == {'phantom'}
    assert {row.split for row in rows} == {'train', 'val', 'test'}


def test_images_and_masks_are_those_of_the_download_pixel_for_pixel(trees, tmp_path):
    run(trees['L2'], tmp_path)
    for line in read_csv(tmp_path / 'audit.csv').values():
        image = cv2.imread(str(tmp_path / line['image']), cv2.IMREAD_UNCHANGED)
        mask = cv2.imread(
            str(tmp_path / line['image'].replace('images', 'masks')), cv2.IMREAD_UNCHANGED
        )
        stored = pydicom.dcmread(trees['L2'] / line['image_file']).pixel_array
        lesion = pydicom.dcmread(trees['L2'] / line['mask_file']).pixel_array
        assert image.dtype == np.uint16
        np.testing.assert_array_equal(image, stored)
        assert set(np.unique(mask)) == {0, 255}
        assert (mask[lesion > 0] == 255).all()


EXPECTED = {
    'split': ('repaired', 'split series', ''),
    'swapped': ('repaired', 'columns swapped', ''),
    'scaled': ('repaired', 'uniform scale', ''),
    'shifted': ('repaired', 'suspect resize', ''),
    'missing': ('skipped', '', 'mask missing'),
    'missing-image': ('skipped', '', 'image missing'),
    'empty': ('skipped', '', 'empty mask'),
}


@pytest.mark.parametrize('defect', EXPECTED)
def test_every_planted_defect_has_its_line_in_the_audit(prepared, defect):
    _, _, audit, truth = prepared
    lines = [audit[name] for name, line in truth.items() if line['defect'] == defect]
    assert lines
    status, repair, reason = EXPECTED[defect]
    for line in lines:
        assert repair in line['repairs']
        # A region that was repaired may share its image with one that was not.
        if line['reason'] != 'other region of the image':
            assert (line['status'], line['reason']) == (status, reason)


def test_no_wrong_file_is_ever_taken(prepared):
    _, _, audit, truth = prepared
    found = {name: line['mask_file'] for name, line in audit.items() if line['mask_file']}
    assert len(found) > 20
    assert found == {name: truth[name]['mask'] for name in found}
    assert any('file order' in line['repairs'] for line in audit.values())


def test_leaked_patients_are_in_test_only(leaky, tmp_path):
    report = run(leaky, tmp_path)
    audit = read_csv(tmp_path / 'audit.csv')
    truth = read_csv(leaky / 'phantom_truth.csv')
    leaked = {audit[n]['patient_id'] for n, line in truth.items() if line['defect'] == 'leaked'}
    assert leaked
    splits = {row.split for row in read_index(tmp_path / 'index.csv') if row.patient_id in leaked}
    assert splits == {'test'}
    assert {line['patient_id'] for line in audit.values() if line['status'] == 'dropped'} == leaked
    assert f'Patients in train and test: {len(leaked)};' in report


def test_every_row_is_accounted_for_once(prepared):
    out, report, audit, truth = prepared
    assert audit.keys() == truth.keys()
    total = next(line for line in report.splitlines() if line.startswith('all '))
    rows, *statuses, images, _ = map(int, total.split()[1:])
    assert rows == len(truth) == sum(statuses)
    assert images == len(read_index(out / 'index.csv'))


def test_report_of_leakage_stops_before_anything_is_written(leaky, tmp_path):
    with pytest.raises(MammoError, match='in train and test: P_'):
        run(leaky, tmp_path / 'out', leakage='report')
    assert not (tmp_path / 'out').exists()
    run(leaky, tmp_path / 'out', leakage='report', abnormality='mass')


def test_fail_lists_the_misfits_and_writes_no_index_then_repair_goes_on(damaged, tmp_path):
    with pytest.raises(MammoError, match=r'masks of another size.*mask \d+×\d+, image \d+×\d+'):
        run(damaged, tmp_path, on_mismatch='fail')
    assert not (tmp_path / 'index.csv').exists()
    finished = snapshot(tmp_path / 'images')
    dropped = run(damaged, tmp_path, on_mismatch='drop')
    assert '× mask of another size' in dropped
    assert 'uniform scale' in run(damaged, tmp_path, on_mismatch='repair')
    assert snapshot(tmp_path / 'images') == finished


def test_an_interrupted_run_ends_as_if_it_had_not_been(prepared, damaged, tmp_path):
    out, *_ = prepared
    run(damaged, tmp_path)
    (tmp_path / 'index.csv').unlink()
    (tmp_path / 'audit.csv').unlink()
    progress = tmp_path / 'progress.jsonl'
    lines = progress.read_text().splitlines(keepends=True)
    for line in lines[5:]:
        record = json.loads(line)['record']
        (tmp_path / record['image']).unlink()
    progress.write_text(''.join(lines[:5]) + lines[5][:40])
    kept = tmp_path / json.loads(lines[0])['record']['image']
    written = kept.stat().st_mtime_ns
    run(damaged, tmp_path)
    assert snapshot(tmp_path) == snapshot(out)
    assert kept.stat().st_mtime_ns == written


def test_a_truncated_file_is_one_skipped_row_until_it_is_whole(trees, tmp_path):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    shutil.copytree(trees['L2'], raw)
    name, truth = next(iter(read_csv(raw / 'phantom_truth.csv').items()))
    mask = raw / truth['mask']
    content = mask.read_bytes()
    mask.write_bytes(content[: len(content) // 2])
    run(raw, out)
    line = read_csv(out / 'audit.csv')[name]
    assert (line['status'], line['reason']) == ('skipped', 'mask unreadable')
    assert mask.name in line['detail']
    mask.write_bytes(content)
    run(raw, out)
    assert read_csv(out / 'audit.csv')[name]['status'] in ('resolved', 'repaired')


def test_merged_views_hold_the_lesions_of_both_copies(trees, tmp_path):
    run(trees['L2'], tmp_path / 'apart')
    run(trees['L2'], tmp_path / 'merged', merge_views=True)
    apart = {row.image: row for row in read_index(tmp_path / 'apart' / 'index.csv')}
    merged = [r for r in read_index(tmp_path / 'merged' / 'index.csv') if '+' in r.finding]
    assert merged
    for row in merged:
        tail = row.image.split('/Mass+Calc-')[1]
        both = np.zeros((row.original_height, row.original_width), np.uint8)
        for copy in ('Mass', 'Calc'):
            mask = tmp_path / 'apart' / apart[f'images/{copy}-{tail}'].mask
            both |= cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
        union = cv2.imread(str(tmp_path / 'merged' / row.mask), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(union, both)
        assert row.finding == 'mass+calcification'


def test_other_pixel_options_need_another_folder(trees, tmp_path):
    run(trees['L2'], tmp_path)
    with pytest.raises(MammoError, match='long_side was 0, is 48'):
        run(trees['L2'], tmp_path, long_side=48)


@pytest.mark.parametrize('wrong', [{'long_side': -1}, {'val_fraction': 1.5}])
def test_impossible_options_write_nothing(trees, tmp_path, wrong):
    with pytest.raises(MammoError, match=str(*wrong.values())):
        run(trees['L2'], tmp_path / 'out', **wrong)
    assert not (tmp_path / 'out').exists()


def test_tables_are_needed_and_images_too(trees, tmp_path):
    (tmp_path / 'raw').mkdir()
    with pytest.raises(MammoError, match='no case description'):
        run(tmp_path / 'raw', tmp_path / 'out')
    with pytest.raises(MammoError, match=r'for none of the \d+ images.*its disk is mounted'):
        run(tmp_path / 'raw', tmp_path / 'out', csv_dir=trees['L5'])
    assert not (tmp_path / 'out').exists()


def test_a_run_without_its_download_changes_nothing(trees, tmp_path):
    run(trees['L5'], tmp_path / 'out')
    before = snapshot(tmp_path / 'out')
    (tmp_path / 'raw').mkdir()
    with pytest.raises(MammoError, match='none of'):
        run(tmp_path / 'raw', tmp_path / 'out', csv_dir=trees['L5'])
    assert snapshot(tmp_path / 'out') == before


def test_a_refused_run_leaves_audit_and_index_of_the_earlier_one(damaged, tmp_path):
    run(damaged, tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(MammoError, match=r'index\.csv and audit\.csv of the earlier run are kept'):
        run(damaged, tmp_path, on_mismatch='fail')
    assert snapshot(tmp_path) == before


def test_a_table_that_is_missing_is_said(trees, tmp_path):
    tables = tmp_path / 'csv'
    tables.mkdir()
    source = trees['L2'] / 'mass_case_description_train_set.csv'
    (tables / source.name).write_bytes(source.read_bytes())
    report = run(trees['L2'], tmp_path / 'out', csv_dir=tables, abnormality='mass', val_fraction=0)
    assert 'WARNING: no table for mass test; it is left out' in report
    assert 'calcification' not in report
