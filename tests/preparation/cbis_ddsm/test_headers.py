import shutil
import uuid

import pydicom
import pytest
from cbis_samples import contents, copy_tables, make_case, read_csv, run, uid

from mmseg_mammo.phantoms.trees import write_cbis_tree
from mmseg_mammo.preparation.cbis_ddsm.headers import file_by_header
from mmseg_mammo.preparation.cbis_ddsm.locate import scan


def as_uuid(uid):
    return uuid.uuid5(uuid.NAMESPACE_OID, uid)


# Name -> the path that a file gets from its number and its header.
PLACES = {
    'bucket': lambda n, h: f'{as_uuid(h.SeriesInstanceUID)}/{as_uuid(h.SOPInstanceUID)}.dcm',
    'flat, UIDs': lambda n, h: f'all/{h.SOPInstanceUID}.dcm',
    'flat, UIDs without suffix': lambda n, h: f'all/{h.SOPInstanceUID}',
    'study and instance': lambda n, h: f'{h.StudyInstanceUID}/{h.SOPInstanceUID}',
    'CD-ROM': lambda n, h: f'DICOM/ST000001/IMG{n:05d}',
    'upper case': lambda n, h: f'{n:05d}.DCM',
    'foreign suffix': lambda n, h: f'{n}.ima',
    'renamed folders': lambda n, h: f'a b/{h.PatientID} (1)/{n}.dcm',
    'lower case': lambda n, h: f'{h.PatientID.lower()}/{n}.dcm',
    'one folder per image': lambda n, h: '_'.join(h.PatientID.split('_')[:5]) + f'/{n}.dcm',
    'misleading names': lambda n, h: f'all/{h.PatientID}_1-{n}.dcm',
    'half of them': lambda n, h: f'{h.PatientID}/{n}.dcm' if n % 2 else f'rest/{n}.dcm',
}


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """A download of nine images, two of them with two lesions; and what is prepared from it."""
    folder = tmp_path_factory.mktemp('headers')
    raw = write_cbis_tree(folder / 'raw', patients=4, height=64, seed=0)
    run(raw, folder / 'out')
    return raw, contents(folder / 'out')


def lay(tree, raw, place):
    """Copy the images of a tree to the paths that ``place`` gives them."""
    copy_tables(tree, raw)
    files = sorted(tree.rglob('*.dcm'))
    for number, path in enumerate(files):
        target = raw / place(number, pydicom.dcmread(path, stop_before_pixels=True))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return len(files)


@pytest.mark.parametrize('name', PLACES)
def test_where_names_do_not_tell_headers_decide(tree, tmp_path, name):
    source, expected = tree
    files = lay(source, tmp_path / 'raw', PLACES[name])
    said = run(tmp_path / 'raw', tmp_path / 'out')
    assert contents(tmp_path / 'out') == expected
    if name != 'half of them':
        assert f'Headers read: {files}, ' in said


def test_no_header_is_read_where_names_place_every_file(tree):
    source, _ = tree
    assert file_by_header(scan(source), []).read == 0


@pytest.mark.parametrize('kept', ['SeriesInstanceUID', 'PatientID'])
def test_one_of_both_tags_is_enough(tree, tmp_path, kept):
    source, expected = tree
    lay(source, tmp_path / 'raw', PLACES['bucket'])
    for path in (tmp_path / 'raw').rglob('*.dcm'):
        dataset = pydicom.dcmread(path)
        other = {'SeriesInstanceUID': uid(77), 'PatientID': 'anonymous'}
        for tag in other.keys() - {kept}:
            setattr(dataset, tag, other[tag])
        dataset.save_as(path)
    run(tmp_path / 'raw', tmp_path / 'out')
    assert contents(tmp_path / 'out') == expected


def test_files_that_are_no_dicom_are_counted_and_not_used(tree, tmp_path):
    source, expected = tree
    files = lay(source, tmp_path / 'raw', PLACES['bucket'])
    (tmp_path / 'raw' / 'page.dcm').write_text('<html>404</html>')
    (tmp_path / 'raw' / 'README').write_text('no image')
    (tmp_path / 'raw' / 'more.zip').touch()
    said = run(tmp_path / 'raw', tmp_path / 'out')
    assert f'Headers read: {files + 1}, ' in said
    assert '1 cannot be read' in said
    assert 'WARNING: 1 packed files' in said
    assert contents(tmp_path / 'out') == expected


def test_a_linked_folder_of_unknown_layout_is_read_once(tree, tmp_path):
    source, expected = tree
    files = lay(source, tmp_path / 'disk', PLACES['bucket'])
    (tmp_path / 'raw').mkdir()
    (tmp_path / 'raw' / 'link').symlink_to(tmp_path / 'disk')
    assert f'Headers read: {files}, ' in run(tmp_path / 'raw', tmp_path / 'out')
    assert contents(tmp_path / 'out') == expected


@pytest.fixture(scope='module')
def others(tmp_path_factory):
    folder = tmp_path_factory.mktemp('others')
    return {
        layout: write_cbis_tree(folder / layout, layout=layout, patients=4, height=64, seed=0)
        for layout in ('L4', 'L5', 'L6')
    }


def mix(first, second, raw):
    """Both trees in one; and the paths of every mask in the first and in the second."""
    for tree, name in ((first, 'first'), (second, 'second')):
        shutil.copytree(tree, raw / name)
    shutil.move(raw / 'first' / 'PHANTOM.txt', raw)
    tables = [read_csv(raw / name / 'phantom_truth.csv') for name in ('first', 'second')]
    return [
        (raw / 'first' / line['mask'], raw / 'second' / tables[1][name]['mask'])
        for name, line in tables[0].items()
    ]


@pytest.mark.parametrize('layout', ['L4', 'L5', 'L6'])
@pytest.mark.parametrize('complete', [True, False])
def test_a_mix_of_layouts_is_the_union_of_its_places(tree, others, tmp_path, layout, complete):
    source, expected = tree
    masks = mix(source, others[layout], tmp_path / 'raw')
    for number, copies in enumerate(() if complete else masks):
        copies[number % 2].unlink()
    run(tmp_path / 'raw', tmp_path / 'out')
    found = contents(tmp_path / 'out')
    assert found.keys() == expected.keys()
    if complete or layout != 'L6':
        assert found == expected  # the DICOM files, not the JPEGs made from them


def test_a_damaged_copy_does_no_harm_beside_a_sound_one(tree, others, tmp_path):
    source, expected = tree
    masks = mix(source, others['L5'], tmp_path / 'raw')
    for mask, _ in masks:
        mask.write_bytes(mask.read_bytes()[:-100])
    run(tmp_path / 'raw', tmp_path / 'out')
    assert contents(tmp_path / 'out') == expected


def test_files_of_an_image_with_a_gap_are_asked_whose_they_are(tmp_path):
    case = make_case('Mass-Test_P_00016_LEFT_CC', image=1, mask=2, crop=2)
    (tmp_path / case.image_name).mkdir()
    (tmp_path / case.image_name / '1.dcm').write_text('no header')
    count = file_by_header(scan(tmp_path), [case])
    assert (count.read, count.placed, count.unreadable) == (1, 0, 1)
