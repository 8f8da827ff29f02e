"""Every part of a good download damaged in turn: nothing becomes normal, no lesion is lost unsaid."""

import csv
import io
import shutil
from collections import Counter

import cv2
import pydicom
import pytest
from cbis_samples import contents, read_csv, run

from mmseg_mammo.errors import MammoError
from mmseg_mammo.phantoms.trees import write_cbis_tree


def levels(path, change):
    """Store the pixels of a file changed."""
    if path.suffix == '.jpg':
        cv2.imwrite(str(path), change(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))
    else:
        dataset = pydicom.dcmread(path)
        dataset.PixelData = change(dataset.pixel_array).tobytes()
        dataset.save_as(path)


def cut(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def replace_by(path, make):
    path.unlink()
    make(path)


DAMAGE = {
    'missing': lambda path: path.unlink(),
    'empty': lambda path: path.write_bytes(b''),
    'cut in its header': lambda path: cut(path, 0.1),
    'cut in the middle': lambda path: cut(path, 0.6),
    'cut at the end': lambda path: cut(path, 0.97),
    'all zero': lambda path: levels(path, lambda pixels: 0 * pixels),
    'a web page': lambda path: path.write_text('<html>404</html>'),
    'a folder': lambda path: replace_by(path, lambda path: path.mkdir()),
    'a link to nothing': lambda path: replace_by(path, lambda path: path.symlink_to('gone')),
}
REASONS = {
    'image': {'image missing', 'image unreadable', 'blank image'},
    'mask': {'mask missing', 'mask unreadable', 'empty mask'},
}
UNREADABLE = {'empty', 'cut in its header', 'cut in the middle', 'cut at the end', 'a web page'}


@pytest.fixture(scope='module')
def trees(tmp_path_factory):
    """Layout -> (tree, what is prepared from it, the first row of an image of two lesions)."""
    found = {}
    for layout in ('L2', 'L6'):
        folder = tmp_path_factory.mktemp(layout)
        few = {'subset': ['mass-train'], 'limit': 2}
        raw = write_cbis_tree(folder / 'raw', layout=layout, patients=4, height=64, seed=0, **few)
        run(raw, folder / 'out')
        truth = read_csv(raw / 'phantom_truth.csv')
        sizes = Counter(line['image'] for line in truth.values())
        row = next(line for line in truth.values() if sizes[line['image']] == 2)
        found[layout] = raw, contents(folder / 'out'), row
    return found


def check(raw, out, expected):
    """Prepare; every image that is used has its whole mask. The audit, and what was lost."""
    shutil.rmtree(out, ignore_errors=True)
    run(raw, out)
    found = contents(out)
    for image, (annotated, _, mask) in found.items():
        assert (annotated, mask) == ('lesion', expected[image][2])
    return read_csv(out / 'audit.csv'), expected.keys() - found.keys()


@pytest.mark.parametrize('layout', ['L2', 'L6'])
@pytest.mark.parametrize('part', ['image', 'mask', 'crop'])
def test_an_image_with_a_damaged_part_is_left_out_with_its_reason(trees, tmp_path, layout, part):
    tree, expected, row = trees[layout]
    for name, damage in DAMAGE.items():
        raw = tmp_path / name
        shutil.copytree(tree, raw)
        damage(raw / row[part])
        audit, lost = check(raw, tmp_path / 'out', expected)
        line = audit[row['abnormality']]
        if part == 'crop':
            assert not lost
            continue
        assert lost == {f'images/{row["abnormality"][:-2]}.png'}
        assert line['status'] == 'skipped'
        assert line['reason'] in REASONS[part]
        assert (line['reason'] == f'{part} unreadable') >= (name in UNREADABLE)


@pytest.mark.parametrize('part', ['image', 'mask'])
@pytest.mark.parametrize('other', ['image', 'mask', 'crop'])
def test_a_file_of_another_image_is_not_taken_for_this_one(trees, tmp_path, part, other):
    tree, expected, row = trees['L2']
    truth = read_csv(tree / 'phantom_truth.csv')
    stranger = next(line for line in truth.values() if line['image'] != row['image'])
    raw = tmp_path / 'raw'
    shutil.copytree(tree, raw)
    shutil.copy(tree / stranger[other], raw / row[part])
    audit, _ = check(raw, tmp_path / 'out', expected)
    line = audit[row['abnormality']]
    assert line['reason'] == f'{part} missing'
    assert (
        f'is of {pydicom.dcmread(tree / stranger[other]).PatientID} by its header' in line['detail']
    )


@pytest.mark.parametrize('other', ['mask', 'image'])
def test_swapped_pictures_are_no_mammogram_and_no_mask(trees, tmp_path, other):
    tree, expected, row = trees['L6']
    raw = tmp_path / 'raw'
    shutil.copytree(tree, raw)
    part = {'mask': 'image', 'image': 'mask'}[other]
    shutil.copy(tree / row[other], raw / row[part])
    audit, lost = check(raw, tmp_path / 'out', expected)
    assert (
        audit[row['abnormality']]['reason'] == {'image': 'blank image', 'mask': 'undecided'}[part]
    )
    assert len(lost) == 1


def damaged_tables(text, name):
    """The text of a table, with the row of an abnormality damaged in every way."""
    rows = list(csv.reader(io.StringIO(text)))
    at = next(number for number, row in enumerate(rows) if name in ''.join(row))
    for column in range(len(rows[0])):
        for cell in ('', '?'):
            yield [*rows[:at], [*rows[at][:column], cell, *rows[at][column + 1 :]], *rows[at + 1 :]]
    yield [*rows[:at], *rows[at + 1 :]]  # one row lost
    yield rows[:at]  # cut between two rows
    yield [*rows[:at], rows[at][:-3]]
    yield rows[:1]
    yield rows[1:]


def test_a_damaged_table_is_refused_or_loses_whole_images(trees, tmp_path):
    tree, expected, row = trees['L6']
    second = row['abnormality'][:-1] + '2'
    raw = tmp_path / 'raw'
    shutil.copytree(tree, raw)
    table = next(p for p in raw.rglob('*_case_*') if second in p.read_text())
    refused, lost = 0, set()
    for rows in damaged_tables(table.read_text(), second):
        with table.open('w', newline='') as stream:
            csv.writer(stream).writerows(rows)
        try:
            lost |= check(raw, tmp_path / 'out', expected)[1]
        except MammoError:
            refused += 1
    assert refused > 10
    assert f'images/{second[:-2]}.png' in lost


def test_a_region_that_no_table_describes_leaves_its_image_out(trees, tmp_path):
    tree, expected, row = trees['L6']
    raw = tmp_path / 'raw'
    shutil.copytree(tree, raw)
    second = row['abnormality'][:-1] + '2'
    table = next(p for p in raw.rglob('*_case_*') if second in p.read_text())
    rows = list(csv.reader(io.StringIO(table.read_text())))
    with table.open('w', newline='') as stream:
        csv.writer(stream).writerows(line for line in rows if second not in ''.join(line))
    audit, _ = check(raw, tmp_path / 'out', expected)
    line = audit[row['abnormality']]
    assert (line['reason'], line['detail']) == ('region without a row', second)
    (raw / 'PHANTOM.txt').unlink()
    assert 'of the 1318 published rows' in run(raw, tmp_path / 'real')
    assert 'published rows' not in run(tree, tmp_path / 'phantom')
