"""The export of a digital hospital whose images are phantoms."""

import csv

import numpy as np
import pydicom
import pytest

from mmseg_mammo.io.dicom.reader import read_dicom
from mmseg_mammo.io.image import read_raster
from mmseg_mammo.phantoms.hospital import EXPORT_COLUMNS, write_export
from mmseg_mammo.phantoms.trees import write_hospital_tree

HEIGHT = 96


def read_rows(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope='module')
def hospital(tmp_path_factory):
    return write_hospital_tree(tmp_path_factory.mktemp('zgt') / 'raw', patients=10, height=HEIGHT)


def test_half_of_the_digital_breasts_have_a_lesion_and_states_stay_apart(hospital):
    rows = read_rows(hospital / 'annotations.csv')
    assert len(rows) == 40
    states = [row['annotated'] for row in rows]
    assert [place for place, state in enumerate(states) if state == 'no'] == [6, 26]
    assert states.count('lesion') + states.count('normal') == 38
    assert abs(states.count('lesion') - states.count('normal')) <= 2
    for row in rows:
        assert bool(row['mask']) == (row['annotated'] == 'lesion')
        if row['mask']:
            assert set(np.unique(read_raster(hospital / row['mask']))) == {0, 255}
    masks = {row['mask'] for row in rows if row['mask']}
    assert masks == {f'masks/{path.name}' for path in (hospital / 'masks').iterdir()}


def test_digital_dicoms_are_jpeg_lossless_and_decode_to_the_right_grey_levels(hospital):
    shown = {}
    for row in read_rows(hospital / 'annotations.csv'):
        header = pydicom.dcmread(hospital / row['image'])
        assert header.file_meta.TransferSyntaxUID == '1.2.840.10008.1.2.4.70'
        assert header.SOPClassUID.name.startswith('Digital Mammography X-Ray Image Storage')
        assert (header.BitsAllocated, header.BitsStored) == (16, 12)
        assert (header.ImageLaterality, header.ViewPosition) == (row['laterality'][0], row['view'])
        pixels, info = read_dicom(hospital / row['image'])
        assert info.imager_pixel_spacing == (2.5, 2.5)  # 240 mm on 96 pixels
        outer = pixels[:, -1] if row['laterality'] == 'LEFT' else pixels[:, 0]
        assert outer.max() == 0  # the background is black whatever the photometric type
        shown.setdefault(info.photometric, []).append(pixels[pixels > 0].mean())
    assert set(shown) == {'MONOCHROME1', 'MONOCHROME2'}
    assert np.mean(shown['MONOCHROME1']) == pytest.approx(np.mean(shown['MONOCHROME2']), rel=0.4)


def test_half_of_the_breasts_have_a_lesion_in_both_views_of_one_kind(hospital):
    """One in twenty images says nothing: nobody has read it."""
    breasts = {}
    for row in read_rows(hospital / 'annotations.csv'):
        if row['annotated'] != 'no':
            key = (row['patient_id'], row['laterality'])
            told = (row['annotated'], row['finding'], row['pathology'])
            breasts.setdefault(key, []).append(told)
    assert len(breasts) == 20
    assert all(len(set(views)) == 1 for views in breasts.values())
    assert sum(views[0][0] == 'lesion' for views in breasts.values()) == 10
    assert {views[0][2] for views in breasts.values() if views[0][0] == 'normal'} == {'normal'}
    findings = {views[0][1] for views in breasts.values()}
    assert {'', 'mass', 'calcification'} <= findings
    assert findings <= {'', 'mass', 'calcification', 'calcification+mass'}


@pytest.fixture
def export(tmp_path):
    def export(name, hospital='screening', patients=1, seed=0):
        rows = write_export(tmp_path / name, hospital, patients, 64, seed)
        return tmp_path / name, rows

    return export


def test_rows_name_every_file_and_headers_agree_with_them(export):
    root, rows = export('a', patients=2)
    files = {path.relative_to(root).as_posix() for path in root.rglob('*.*')}
    assert files == {row[n] for row in rows for n in ('image', 'mask') if row[n]}
    studies = {}
    for row in rows:
        assert row.keys() == set(EXPORT_COLUMNS)
        header = pydicom.dcmread(root / row['image'])
        patient, side, view = row['patient_id'], row['laterality'][0], row['view']
        assert (header.PatientID, header.StudyDate) == (patient, '20190312')
        assert row['image'] == f'dicom/{patient}/20190312/{side}{view}.dcm'
        assert row['mask'] in ('', f'masks/{patient}_{side}_{view}.png')
        assert header.StudyInstanceUID.startswith('2.25.')
        studies.setdefault(row['patient_id'], []).append(header)
        if row['mask']:
            assert read_raster(root / row['mask']).shape == (header.Rows, header.Columns)
    assert studies.keys() == {'SCREENING0001', 'SCREENING0002'}
    for headers in studies.values():
        assert [header.InstanceNumber for header in headers] == [1, 2, 3, 4]
        assert len({header.StudyInstanceUID for header in headers}) == 1
        assert len({header.SOPInstanceUID for header in headers}) == 4


def test_more_patients_change_no_image_and_another_seed_or_hospital_does(export):
    def pixels(root, rows):
        return [pydicom.dcmread(root / row['image']).pixel_array for row in rows]

    first, more = pixels(*export('a')), pixels(*export('b', patients=2))
    assert (len(first), len(more)) == (4, 8)
    for one, same in zip(first, more, strict=False):
        np.testing.assert_array_equal(one, same)
    for number, changed in enumerate((dict(seed=1), dict(hospital='zgt'))):
        other = pixels(*export(str(number), **changed))
        assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_share_is_exact_all_along(hospital, export):
    """One patient in four of ZGT is stored inverted, and nobody of the screening."""
    rows = read_rows(hospital / 'annotations.csv')
    kinds = {}
    for row in rows:
        header = pydicom.dcmread(hospital / row['image'], stop_before_pixels=True)
        kinds.setdefault(row['patient_id'], set()).add(header.PhotometricInterpretation)
    assert [kinds[f'ZGT{n:04d}'] == {'MONOCHROME1'} for n in range(1, 11)] == [
        *(False, False, False, True) * 2, False, False,
    ]  # fmt: skip
    root, rows = export('a', patients=4)
    found = {pydicom.dcmread(root / row['image']).PhotometricInterpretation for row in rows}
    assert found == {'MONOCHROME2'}
