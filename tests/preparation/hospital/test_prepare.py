import errno
import json
import os
import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_raster, write_png
from mmseg_mammo.io.index import OPTIONAL, read_index
from mmseg_mammo.io.table import read_table
from mmseg_mammo.preparation.hospital import image as hospital_image
from mmseg_mammo.preparation.hospital import prepare as hospital_prepare
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.image import PixelOptions
from mmseg_mammo.preparation.hospital.prepare import Settings, mark_phantom, prepare
from mmseg_mammo.preparation.hospital.rows import group_by_image
from mmseg_mammo.preparation.hospital.table import read_hospital_table

TOOL = Path(__file__).parents[3] / 'tools' / 'prepare_hospital.py'
HEADER = 'image,mask,patient_id,split,finding,annotated\n'
ROWS = """\
p1/1.dcm,p1_a.png,P1,train,mass,
p1/1.dcm,p1_b.png,P1,train,calcification,
p2/1.dcm,,P2,train,,normal
p3/1.dcm,zero.png,P3,test,,
p3/2.dcm,,P3,test,,no
"""
MASK = np.zeros((60, 40), np.uint8)
MASK[10:20, 10:20] = 255
GREY = np.add.outer(np.arange(60), np.arange(40)).astype(np.uint8)


@pytest.fixture
def hospital(tmp_path, save_dicom):
    """A small export: four 12-bit DICOM images of three patients, and masks."""
    rng = np.random.default_rng(0)
    for name in ('p1/1.dcm', 'p2/1.dcm', 'p3/1.dcm', 'p3/2.dcm'):
        pixels = rng.integers(0, 4096, (60, 40)).astype(np.uint16)
        save_dicom(pixels, f'export/{name}', BitsStored=12, PatientID='hidden')
    for name, mask in (('p1_a', MASK), ('p1_b', np.roll(MASK, 25, 0)), ('zero', MASK * 0)):
        write_png(tmp_path / f'export/{name}.png', mask)
    table = tmp_path / 'export/table.csv'
    table.write_text(HEADER + ROWS)
    return table


def run(table, out, **changes):
    found = read_hospital_table(table, table.parent, {}, {}, Gaps())
    settings = Settings(table, 'ours', 'contour', PixelOptions(long_side=0))
    return prepare(*found, out, replace(settings, **changes))


def test_a_table_becomes_an_index_with_its_pictures(hospital, tmp_path):
    outcome = run(hospital, tmp_path / 'out')
    rows = read_index(tmp_path / 'out/index.csv')
    assert rows == outcome.rows
    states = [(row.image, row.annotated, row.patient_id, row.split) for row in rows]
    assert states == [
        ('images/p1_1.png', 'lesion', 'P1', 'train'),
        ('images/p2_1.png', 'normal', 'P2', 'train'),
        ('images/p3_1.png', 'normal', 'P3', 'test'),
        ('images/p3_2.png', 'no', 'P3', 'test'),
    ]
    assert rows[0].finding == 'mass+calcification'
    assert (rows[0].original_height, rows[0].original_width) == (60, 40)
    mask = read_raster(tmp_path / 'out/masks/p1_1.png')
    np.testing.assert_array_equal(mask, MASK | np.roll(MASK, 25, 0))
    audit = read_table(tmp_path / 'out/audit.csv', [])
    assert [line['row'] for line in audit] == [f'row {n}' for n in range(2, 7)]
    assert {line['status'] for line in audit} == {'prepared'}


def test_bad_rows_of_the_table_stop_everything_before_it_starts(hospital, tmp_path):
    (hospital.parent / 'p1_b.png').unlink()
    (hospital.parent / 'p3/2.dcm').unlink()
    with pytest.raises(MammoError, match=r'3 bad rows.*--skip-bad') as caught:
        run(hospital, tmp_path / 'out')
    for part in ('row 3: mask', 'row 6: image', 'row 2: left out with row 3'):
        assert part in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_a_long_list_of_bad_rows_ends_with_what_to_do(hospital, tmp_path):
    hospital.write_text('image,patient_id\n' + ''.join(f'no{n}.png,P{n}\n' for n in range(21)))
    with pytest.raises(MammoError, match=r'21 bad rows, and no index\..* --skip-bad\.$'):
        run(hospital, tmp_path / 'out')


def test_skip_bad_leaves_out_whole_images_and_counts_them(hospital, tmp_path):
    (hospital.parent / 'p1_b.png').unlink()
    outcome = run(hospital, tmp_path / 'out', skip_bad=True)
    assert [row.patient_id for row in outcome.rows] == ['P2', 'P3', 'P3']
    assert len(outcome.problems) == 2
    skipped = [a for a in read_table(tmp_path / 'out/audit.csv', []) if a['status'] == 'skipped']
    assert [line['row'] for line in skipped] == ['row 2', 'row 3']
    rows = [line['row'] for line in read_table(tmp_path / 'out/audit.csv', [])]
    assert rows == [f'row {n}' for n in range(2, 7)]


def test_faults_of_pixels_stop_before_the_index_and_a_corrected_run_goes_on(hospital, tmp_path):
    broken = hospital.parent / 'p2/1.dcm'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-100])
    out = tmp_path / 'out'
    with pytest.raises(MammoError, match=r'(?s)1 bad rows.*row 4: .*p2/1\.dcm: cannot decode'):
        run(hospital, out)
    assert not (out / 'index.csv').exists()
    untouched = (out / 'images/p1_1.png').stat().st_mtime_ns
    broken.write_bytes(whole)
    assert len(run(hospital, out).rows) == 4
    assert (out / 'images/p1_1.png').stat().st_mtime_ns == untouched


def test_a_refused_run_leaves_audit_and_index_of_the_earlier_one(hospital, tmp_path):
    run(hospital, tmp_path / 'out')
    before = [(tmp_path / 'out' / name).read_bytes() for name in ('audit.csv', 'index.csv')]
    broken = hospital.parent / 'p2/1.dcm'
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(MammoError, match=r'index\.csv and audit\.csv of the earlier run are kept'):
        run(hospital, tmp_path / 'out')
    after = [(tmp_path / 'out' / name).read_bytes() for name in ('audit.csv', 'index.csv')]
    assert after == before


@pytest.mark.parametrize('skip_bad', [False, True])
def test_a_file_that_the_system_refuses_to_write_names_its_row(
    hospital, tmp_path, monkeypatch, skip_bad
):
    write = hospital_image.write_pair

    def refuse(out, name, *rest):
        if name == 'p2_1':
            raise OSError(errno.ENAMETOOLONG, 'File name too long', f'{name}.png')
        return write(out, name, *rest)

    monkeypatch.setattr(hospital_image, 'write_pair', refuse)
    message = r'row 4: .*p2/1\.dcm: File name too long \(p2_1\.png\)'
    if skip_bad:
        outcome = run(hospital, tmp_path / 'out', skip_bad=True)
        assert [row.patient_id for row in outcome.rows] == ['P1', 'P3', 'P3']
        assert re.match(message, str(outcome.problems[0]))
    else:
        with pytest.raises(MammoError, match=rf'(?s)1 bad rows.*{message}'):
            run(hospital, tmp_path / 'out')


def test_a_row_with_several_masks_is_one_image_and_one_bad_row(hospital, tmp_path):
    hospital.write_text('image,mask,mask,patient_id\np1/1.dcm,p1_a.png,p1_b.png,P1\n')
    (row,) = run(hospital, tmp_path / 'out').rows
    mask = read_raster(tmp_path / 'out' / row.mask)
    np.testing.assert_array_equal(mask, MASK | np.roll(MASK, 25, 0))
    write_png(hospital.parent / 'p1_b.png', MASK[:30])
    with pytest.raises(MammoError, match=r'1 bad rows'):
        run(hospital, tmp_path / 'out')
    (hospital.parent / 'p1_b.png').unlink()
    with pytest.raises(MammoError, match=r'row 2: mask .*p1_b\.png does not exist'):
        run(hospital, tmp_path / 'new')


def test_an_interrupted_run_that_goes_on_gives_the_same_folder(hospital, tmp_path):
    run(hospital, tmp_path / 'once')
    out = tmp_path / 'again'
    run(hospital, out)
    for name in ('index.csv', 'audit.csv', 'images/p3_1.png', 'masks/p1_1.png'):
        (out / name).unlink()
    (out / 'images/.partial-x').write_bytes(b'half')
    run(hospital, out)
    files = sorted(path.relative_to(out) for path in out.rglob('*') if path.is_file())
    assert files == sorted(
        path.relative_to(tmp_path / 'once') for path in (tmp_path / 'once').rglob('*.*')
    )
    for name in files:
        assert (out / name).read_bytes() == (tmp_path / 'once' / name).read_bytes()


def test_other_pixel_options_need_another_folder(hospital, tmp_path):
    run(hospital, tmp_path / 'out')
    with pytest.raises(MammoError, match='long_side was 0, is 32'):
        run(hospital, tmp_path / 'out', pixels=PixelOptions(long_side=32))


def test_a_patient_in_two_splits_is_found_before_any_work(hospital, tmp_path):
    hospital.write_text((HEADER + ROWS).replace('P2,train', 'P1,test'))
    with pytest.raises(MammoError, match=r"'P1' is in several splits: train \(row 2\), test"):
        run(hospital, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_fraction_for_a_split_that_the_table_has_is_refused(hospital, tmp_path):
    with pytest.raises(MammoError, match='already has images of split test'):
        run(hospital, tmp_path / 'out', fractions={'test': 0.5})
    rows = run(hospital, tmp_path / 'out', fractions={'val': 0.5}).rows
    assert sorted(row.split for row in rows) == ['test', 'test', 'train', 'val']


def test_a_fraction_without_images_to_take_it_from_is_refused(hospital, tmp_path):
    table = hospital.with_name('test_only.csv')
    table.write_text(HEADER + ROWS.replace('train', 'test'))
    with pytest.raises(MammoError, match='no image of split train to take val from'):
        run(table, tmp_path / 'out', fractions={'val': 0.5})
    assert not (tmp_path / 'out').exists()


def test_weak_masks_do_not_become_contours_by_a_second_run(hospital, tmp_path):
    run(hospital, tmp_path / 'out', mask_kind='weak')
    with pytest.raises(MammoError, match=r"mask_kind was 'weak', is 'contour'"):
        run(hospital, tmp_path / 'out')
    assert {row.mask_kind for row in read_index(tmp_path / 'out/index.csv')} == {'weak'}


@pytest.mark.parametrize('fractions', [{'val': 1.5}, {'val': 0.5, 'test': 0.4}])
def test_fractions_are_checked_before_any_work(hospital, tmp_path, fractions):
    hospital.write_text((HEADER + ROWS).replace('test', 'train'))
    hospital.write_text(hospital.read_text().replace('P3', 'P2'))
    with pytest.raises(MammoError, match='fractions'):
        run(hospital, tmp_path / 'out', fractions=fractions)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('column', 'value'), [('patient_id', 'P9'), ('laterality', 'LEFT'), ('annotated', 'normal')]
)
def test_rows_of_one_image_must_not_contradict_each_other(hospital, column, value):
    entries, _ = read_hospital_table(hospital, hospital.parent, {}, {}, Gaps())
    entries[1] = replace(entries[1], **{column: value})
    groups, problems = group_by_image(entries)
    assert [group[0].relative for group in groups] == ['p2/1.dcm', 'p3/1.dcm', 'p3/2.dcm']
    assert [problem.place for problem in problems] == ['row 2', 'row 3']
    assert f'different {column}' in problems[0].message


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the tool in this process; return what it printed and what it exited with."""

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', [TOOL.name, *map(str, arguments)])
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
            code = 0
        except SystemExit as end:
            code = end.code
        return capsys.readouterr().out.splitlines(), code

    return call


def test_the_tool_marks_phantoms_and_prints_what_it_did(hospital, tmp_path, call):
    (hospital.parent / 'PHANTOM.txt').touch()
    lines, code = call(tmp_path / 'zgt', '--table', hospital, '--long-side', 0, '--jobs', 1)
    assert code == 0
    assert 'The masks are phantom: say so beside every result.' in lines
    assert ['train', '2', '2', '1', '1', '0'] in [line.split() for line in lines]
    rows = read_index(tmp_path / 'zgt/index.csv')
    assert {(row.mask_kind, row.source) for row in rows} == {('phantom', 'phantom-zgt')}


def test_the_tool_takes_folders_patterns_and_fixed_values(tmp_path, call):
    for number in range(4):
        write_png(tmp_path / f'images/P{number}_a.png', GREY + number)
        write_png(tmp_path / f'masks/P{number}_a_m.png', MASK * (number % 2))
    folders = ('--images', tmp_path / 'images', '--masks', tmp_path / 'masks')
    names = ('--mask-suffix', '_m', '--patient-pattern', '^(P.)_', '--set', 'view=CC')
    _, code = call(tmp_path / 'o', *folders, *names, '--test-fraction', 0.5, '--jobs', 1)
    assert code == 0
    rows = read_index(tmp_path / 'o/index.csv')
    assert sorted(row.split for row in rows) == ['test', 'test', 'train', 'train']
    assert {row.annotated for row in rows if row.split == 'test'} == {'lesion', 'normal'}
    assert {(row.view, row.source) for row in rows} == {('CC', 'o')}


def test_options_that_are_repeated_add_up(hospital, tmp_path, call):
    hospital.write_text('picture,roi,who\np1/1.dcm,p1_a.png,P1\n')
    mapped = ('--column', 'image=picture', '--column', 'mask=roi', 'patient_id=who')
    fixed = ('--set', 'view=CC', '--set', 'split=val')
    _, code = call(tmp_path / 'o', '--table', hospital, *mapped, *fixed, '--jobs', 1)
    assert code == 0
    (row,) = read_index(tmp_path / 'o/index.csv')
    assert (row.patient_id, row.view, row.split, row.annotated) == ('P1', 'CC', 'val', 'lesion')


def test_orphans_stop_the_tool_even_with_skip_bad(tmp_path, call):
    write_png(tmp_path / 'images/P1_FULL.png', GREY)
    write_png(tmp_path / 'masks/P1_MASK.png', MASK)
    folders = ('--images', tmp_path / 'images', '--masks', tmp_path / 'masks')
    more = ('--patient-pattern', '^(P.)', '--empty-mask-means', 'normal', '--jobs', 1)
    _, code = call(tmp_path / 'o', *folders, *more, '--skip-bad')
    assert '1 masks that no image has' in code
    assert not (tmp_path / 'o').exists()
    suffixes = ('--image-suffix', '_FULL', '--mask-suffix', '_MASK')
    assert call(tmp_path / 'o', *folders, *more, *suffixes)[1] == 0


CONTOURS = 'masks are taken as contours drawn by readers; --mask-kind weak if they are '


@pytest.mark.parametrize(('kind', 'said'), [((), 1), (('--mask-kind', 'contour'), 0)])
def test_contours_are_an_assumption_until_the_user_says_so(hospital, tmp_path, call, kind, said):
    lines, _ = call(tmp_path / 'o', '--table', hospital, '--jobs', 1, *kind)
    assert sum(line.startswith(CONTOURS) for line in lines) == said


def test_nothing_is_said_of_masks_where_there_are_none(hospital, tmp_path, call):
    table = hospital.with_name('images_only.csv')
    table.write_text('image,patient_id\np1/1.dcm,P1\n')
    lines, code = call(
        tmp_path / 'o', '--table', table, '--empty-mask-means', 'not-annotated', '--jobs', 1
    )
    assert code == 0
    assert not any(line.startswith(CONTOURS) for line in lines)


def test_patients_from_dicom_headers_are_pointed_at(hospital, tmp_path, call):
    lines, _ = call(tmp_path / 'a', '--table', hospital, '--jobs', 1)
    assert not any('DICOM headers' in line for line in lines)
    hospital.write_text((HEADER + ROWS).replace(',P1,', ',,').replace('P3,test', 'P3,train'))
    lines, _ = call(tmp_path / 'b', '--table', hospital, '--jobs', 1)
    assert sum('patient_id of 1 images comes from DICOM headers' in line for line in lines) == 1


@pytest.mark.parametrize('tool', ['hospital', 'cbis_ddsm'])
def test_ctrl_c_ends_in_one_line(tmp_path, monkeypatch, capsys, tool):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f'mmseg_mammo.preparation.{tool}.prepare.prepare', stop)
    table = tmp_path / 'table.csv'
    table.write_text('image\n')
    inputs = ('o', '--table', str(table)) if tool == 'hospital' else ('raw', 'o')
    monkeypatch.setattr(sys, 'argv', [tool, *inputs])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOL.with_name(f'prepare_{tool}.py')), run_name='__main__')
    assert end.value.code == 130
    said = capsys.readouterr().err.strip()
    assert said == 'Stopped. The same command goes on where it stopped.'


def test_patients_that_look_like_one_are_a_line_of_warning(hospital, tmp_path, call):
    hospital.write_text((HEADER + ROWS).replace('P2,train', 'p01,test'))
    lines, code = call(tmp_path / 'o', '--table', hospital, '--jobs', 1)
    assert code == 0
    told = [line for line in lines if line.startswith('WARNING: patients')]
    assert [line.endswith(": 'P1' (train) and 'p01' (test)") for line in told] == [True]


def test_names_that_are_no_unicode_are_shown_escaped_and_stop_nothing(tmp_path, call):
    name = os.fsdecode(b'b\xf6r')
    for folder, pixels in (('images', GREY), ('masks', MASK)):
        write_png(tmp_path / folder / f'P1{name}.png', pixels)
    folders = ('--images', tmp_path / 'images', '--masks', tmp_path / 'masks')
    _, code = call(tmp_path / 'o', *folders, '--patient-pattern', '(P.)', '--jobs', 1)
    assert code == 0
    (row,) = read_index(tmp_path / 'o/index.csv')
    assert row.image.startswith('images/P1b_r-')
    assert 'P1b\\udcf6r.png' in (tmp_path / 'o/audit.csv').read_text()


def test_a_folder_that_cannot_be_written_is_one_message(hospital, tmp_path, call):
    (tmp_path / 'file').touch()
    _, code = call(tmp_path / 'file/out', '--table', hospital, '--jobs', 1)
    assert code.startswith('prepare_hospital.py: ')


def test_the_tool_ends_in_one_message(hospital, tmp_path, call):
    hospital.write_text('image,mask\np2/1.dcm,\n')
    _, code = call(tmp_path / 'out', '--table', hospital)
    assert code.startswith('prepare_hospital.py: ')
    assert '--empty-mask-means' in code


def test_a_copy_of_an_image_with_a_lesion_is_not_normal(tmp_path, call):
    for name in ('P1.png', 'P1 - copy.png'):
        write_png(tmp_path / 'images' / name, GREY)
    write_png(tmp_path / 'masks/P1.png', MASK)
    folders = ('--images', tmp_path / 'images', '--masks', tmp_path / 'masks')
    more = ('--patient-pattern', '(P.)', '--empty-mask-means', 'normal', '--jobs', 1)
    _, code = call(tmp_path / 'o', *folders, *more)
    assert 'P1 - copy.png: the picture of P1.png, which has a lesion' in code
    assert call(tmp_path / 'o', *folders, *more, '--skip-bad')[1] == 0
    (row,) = read_index(tmp_path / 'o/index.csv')
    assert (row.image, row.annotated) == ('images/P1.png', 'lesion')


def test_phantoms_are_marked_by_the_folder_they_come_from(tmp_path):
    assert mark_phantom('ours', 'weak', tmp_path) == ('ours', 'weak')
    (tmp_path / 'raw' / 'images').mkdir(parents=True)
    (tmp_path / 'raw' / 'PHANTOM.txt').touch()
    folders = (tmp_path, tmp_path / 'raw' / 'images')
    assert mark_phantom('ours', 'weak', *folders) == ('phantom-ours', 'phantom')
    assert mark_phantom('phantom_a', 'weak', *folders) == ('phantom_a', 'phantom')


def test_the_index_has_the_facts_of_the_headers(hospital, tmp_path, save_dicom):
    pixels = np.arange(2400, dtype=np.uint16).reshape(60, 40)
    tags = {'SOPInstanceUID': '1.2.5', 'ImagerPixelSpacing': [0.07, 0.08]}
    save_dicom(pixels, 'export/p2/1.dcm', StudyInstanceUID='1.2.3', **tags)
    run(hospital, tmp_path / 'out')
    row = read_index(tmp_path / 'out/index.csv')[1]
    assert (row.study_uid, row.series_uid, row.sop_uid) == ('1.2.3', '', '1.2.5')
    assert (row.pixel_spacing, row.imager_pixel_spacing) == ('', '0.07 0.08')


def test_a_folder_of_an_earlier_version_is_resumed_and_completed(hospital, tmp_path):
    """Its records lack the facts: no image is made again, and the index has those of the headers."""
    rows = run(hospital, tmp_path / 'out').rows
    progress = tmp_path / 'out/progress.jsonl'
    entries = [json.loads(line) for line in progress.read_text().splitlines()]
    for entry in entries:
        for name in OPTIONAL:
            del entry['record'][name]
    progress.write_text(''.join(f'{json.dumps(entry)}\n' for entry in entries))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out/images').iterdir()}
    found = run(hospital, tmp_path / 'out').rows
    assert found == [replace(row, mask_share='') for row in rows]
    assert rows[0].sop_uid and rows[0].mask_share
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / 'out/images').iterdir()}


def test_a_given_spacing_fills_and_contradicts(hospital, tmp_path, save_dicom):
    pixels = np.arange(2400, dtype=np.uint16).reshape(60, 40)
    save_dicom(pixels, 'export/p2/1.dcm', PixelSpacing=[0.05, 0.05])
    found = read_hospital_table(hospital, hospital.parent, {}, {'spacing_mm': '0.07'}, Gaps())
    settings = Settings(hospital, 'ours', 'contour', PixelOptions(long_side=0))
    with pytest.raises(
        MammoError, match=r'row 4: spacing_mm is 0\.07 0\.07, its header says 0\.05'
    ):
        prepare(*found, tmp_path / 'out', settings)
    rows = prepare(*found, tmp_path / 'out', replace(settings, skip_bad=True)).rows
    assert [row.pixel_spacing for row in rows] == ['0.07 0.07'] * 3


def test_without_nvimagecodec_nothing_is_written_and_folders_of_two_decoders_are_told_apart(
    hospital, tmp_path, monkeypatch
):
    pixels = PixelOptions(long_side=0, nvimagecodec=True)
    with pytest.raises(MammoError, match='nvImageCodec cannot be imported'):
        run(hospital, tmp_path / 'out', pixels=pixels)
    assert not (tmp_path / 'out').exists()
    run(hospital, tmp_path / 'out')
    used = []
    for module in (hospital_image, hospital_prepare):
        monkeypatch.setattr(module, 'use_nvimagecodec', lambda: used.append(1))
    with pytest.raises(MammoError, match='nvimagecodec was None, is True'):
        run(hospital, tmp_path / 'out', pixels=pixels)
    run(hospital, tmp_path / 'other', pixels=pixels)
    assert len(used) == 2 + 4


@pytest.mark.parametrize('phantom', [False, True])
def test_lesions_that_nobody_outlined_are_prepared_and_counted(tmp_path, call, phantom):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    for name in ('a', 'b', 'c'):
        write_png(
            raw / f'{name}.png',
            np.random.default_rng(ord(name)).integers(0, 99, (40, 30)).astype('u1'),
        )
    write_png(raw / 'm.png', np.kron([[0, 255]], np.ones((40, 15))).astype(np.uint8))
    if phantom:
        (raw / 'PHANTOM.txt').touch()
    rows = 'a.png,m.png,1,lesion\nb.png,,2,lesion\nc.png,,3,normal\n'
    (raw / 'table.csv').write_text(f'image,mask,patient_id,annotated\n{rows}')
    table = raw / 'table.csv'
    said, code = call(out, '--table', table, '--image-labels', '--no-browse', '--jobs', 1)
    assert code == 0
    said = ' '.join(said)
    assert '1 images have a lesion and no mask (mask_kind=image-label)' in said
    found = {
        row.image: (row.annotated, row.mask, row.mask_kind) for row in read_index(out / 'index.csv')
    }
    usual = 'phantom' if phantom else 'contour'
    assert found == {
        'images/a.png': ('lesion', 'masks/a.png', usual),
        'images/b.png': ('lesion', '', 'image-label'),
        'images/c.png': ('normal', '', usual),
    }
    card = (out / 'card.md').read_text()
    assert '1 with a marked lesion, 1 with a lesion that nobody outlined, 1 that' in card
    assert 'Of 1 images with a lesion nobody says where it is' in card
