"""A folder of cuts: its index, its resuming, and what it refuses."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from prepared_sets import write_prepared

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME, read_index, write_index
from mmseg_mammo.io.spacing import extent_mm
from mmseg_mammo.io.table import read_table
from mmseg_mammo.preparation.lesion_free import prepare as module
from mmseg_mammo.preparation.lesion_free.image import CutOptions
from mmseg_mammo.preparation.lesion_free.prepare import CutSettings, cut_folder

CROPS = CutSettings(CutOptions('crop', (0.35, 0.6)))
SIDES = CutSettings(CutOptions('side', (0.3, 0.9)))


@pytest.fixture
def data(tmp_path):
    """Six images in three splits; one normal, one that nobody annotated; 2 original pixels each."""
    folder = write_prepared(
        tmp_path / 'data', 6, original_height=320, original_width=240, pixel_spacing='0.1 0.1'
    )
    rows = read_index(folder / INDEX_NAME)
    rows[1] = replace(rows[1], split='val')
    rows[2] = replace(rows[2], split='test')
    rows[3] = replace(rows[3], split='test', annotated='normal', mask='', pathology='normal')
    rows[4] = replace(rows[4], annotated='no', mask='')
    write_index(folder / INDEX_NAME, rows)
    return folder


def test_each_lesion_gives_a_normal_and_a_match(data, tmp_path):
    out = tmp_path / 'out'
    outcome = cut_folder(data, out, CROPS)
    rows = read_index(out / INDEX_NAME)
    assert rows == outcome.rows
    found = sorted((row.patient_id, row.split, row.annotated) for row in rows)
    assert found == [
        ('P0', 'train', 'lesion'),
        ('P0', 'train', 'normal'),
        ('P1', 'val', 'lesion'),
        ('P1', 'val', 'normal'),
        ('P2', 'test', 'lesion'),
        ('P2', 'test', 'normal'),
        ('P3', 'test', 'normal'),
        ('P5', 'train', 'lesion'),
        ('P5', 'train', 'normal'),
    ]
    assert (outcome.not_annotated, outcome.no_cut, outcome.unread) == (1, 0, ())
    assert {row.source for row in rows} == {'test, lesion-free crops'}
    normals = [row for row in rows if row.annotated == 'normal']
    assert {(row.finding, row.mask) for row in normals[:3]} == {('', '')}
    assert [r.pathology for r in rows if r.patient_id == 'P3'] == ['normal']
    lesions = [row for row in rows if row.mask]
    for row in lesions:
        assert row.finding == 'mass'
        mask = cv2.imread(str(out / row.mask), cv2.IMREAD_UNCHANGED)
        assert float(row.mask_share) == (mask > 0).mean() > 0


def test_a_lesion_that_nobody_outlined_gives_no_normal(data, tmp_path):
    rows = read_index(data / INDEX_NAME)
    rows[0] = replace(rows[0], mask='', mask_kind='image-label', mask_share='')
    write_index(data / INDEX_NAME, rows)
    outcome = cut_folder(data, tmp_path / 'cuts', CROPS)
    assert outcome.not_annotated == 2
    assert not [row.image for row in outcome.rows if row.image.startswith('images/00')]


def test_a_pixel_keeps_its_size(data, tmp_path):
    for settings, name in ((CROPS, 'crops'), (SIDES, 'sides')):
        for row in cut_folder(data, tmp_path / name, settings).rows:
            height, width = cv2.imread(str(tmp_path / name / row.image), 0).shape
            assert extent_mm(row) == pytest.approx((height * 0.2, width * 0.2))


def test_sides_keep_their_size(data, tmp_path):
    rows = cut_folder(data, tmp_path / 'out', SIDES).rows
    assert {(row.original_height, row.original_width) for row in rows} == {(320, 240)}
    assert {row.source for row in rows} == {'test, lesion-free sides'}


def test_several_crops_of_an_image_differ(data, tmp_path):
    out = tmp_path / 'out'
    rows = cut_folder(data, out, replace(CROPS, per_image=3)).rows
    assert len(rows) == 9 * 3
    first = [row for row in rows if row.patient_id == 'P0' and row.annotated == 'normal']
    pixels = [cv2.imread(str(out / row.image), 0).tobytes() for row in first]
    assert len(set(pixels)) == 3


def test_splits_are_chosen(data, tmp_path):
    rows = cut_folder(data, tmp_path / 'out', replace(CROPS, splits=('val', 'test'))).rows
    assert {row.split for row in rows} == {'val', 'test'}


def test_a_second_run_makes_what_is_missing_alone(data, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    rows = cut_folder(data, out, CROPS).rows
    before = {row.image: (out / row.image).read_bytes() for row in rows}
    (out / rows[0].image).unlink()
    made = []

    def make(job, *args, real=module.make_cut, **options):
        made.append(job.name)
        return real(job, *args, **options)

    monkeypatch.setattr(module, 'make_cut', make)
    assert cut_folder(data, out, CROPS).rows == rows
    assert made == [rows[0].image.removeprefix('images/').removesuffix('.png')]
    assert {row.image: (out / row.image).read_bytes() for row in rows} == before


def test_what_leaves_no_room_is_told_in_the_audit(data, tmp_path):
    full = np.full((160, 120), 255, np.uint8)
    full[0] = 0
    cv2.imwrite(str(data / 'masks/00.png'), full)
    (data / 'images/01.png').write_bytes(b'none')
    outcome = cut_folder(data, tmp_path / 'out', CROPS)
    assert outcome.no_cut == 1
    assert len(outcome.unread) == 1
    assert '01.png' in outcome.unread[0]
    lines = read_table(tmp_path / 'out' / 'audit.csv', module.AUDIT_COLUMNS)
    said = {line['row']: (line['status'], line['note']) for line in lines}
    assert said['00_free1'][0] == said['00_lesion1'][0] == 'skipped'
    assert 'half breast' in said['00_free1'][1]
    assert said['02_free1'] == ('prepared', '')


def test_other_options_need_another_folder(data, tmp_path):
    cut_folder(data, tmp_path / 'out', CROPS)
    with pytest.raises(MammoError, match="kind was 'crop', is 'side'"):
        cut_folder(data, tmp_path / 'out', SIDES)
    with pytest.raises(MammoError, match='not made by a preparation tool'):
        cut_folder(data, data, CROPS)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (CutSettings(CutOptions('crop', (0.6, 0.3))), '--share 0.6 0.3'),
        (CutSettings(CutOptions('crop', (0.0, 0.3))), '--share 0 0.3'),
        (CutSettings(CutOptions('side', (0.3, 0.9)), per_image=2), '--per-image 2 of --kind side'),
        (CutSettings(CutOptions('crop', (0.3, 0.6)), per_image=0), '--per-image 0'),
        (CutSettings(CutOptions('crop', (0.3, 0.6), seed=-1)), '--seed -1'),
    ],
)
def test_settings_that_mean_nothing_are_refused(data, tmp_path, settings, said):
    with pytest.raises(MammoError, match=said):
        cut_folder(data, tmp_path / 'out', settings)
    assert not (tmp_path / 'out').exists()


def test_nothing_to_cut_is_an_error_without_an_index(data, tmp_path):
    rows = [replace(row, annotated='no', mask='') for row in read_index(data / INDEX_NAME)]
    write_index(data / INDEX_NAME, rows)
    with pytest.raises(MammoError, match='nothing could be cut from its 0 annotated images'):
        cut_folder(data, tmp_path / 'out', CROPS)
    assert not (tmp_path / 'out' / INDEX_NAME).exists()


def test_cuts_are_not_cut_again(data, tmp_path):
    cut_folder(data, tmp_path / 'cuts', SIDES)
    with pytest.raises(MammoError, match=r'its images are cuts already .*Allowed: whole images'):
        cut_folder(tmp_path / 'cuts', tmp_path / 'again', SIDES)
    assert not (tmp_path / 'again').exists()
