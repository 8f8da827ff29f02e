"""The folder of a choice: table, masks on the grid of the images, pictures, README."""

import csv

import cv2
import numpy as np
import pytest
from tiny_models import write_blobs

from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_labels, write_png
from mmseg_mammo.preparation.hospital.entry import ROUND
from mmseg_mammo.studies.annotation.choose import Choice
from mmseg_mammo.studies.annotation.folder import write_choice
from mmseg_mammo.studies.annotation.pool import read_pool
from mmseg_mammo.studies.annotation.seen import Seen


@pytest.fixture(scope='module')
def predictor(unet):
    return Predictor(unet, device='cpu')


def rows(out):
    with (out / ROUND).open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def test_masks_are_what_the_model_marks_on_the_grid_of_the_image(predictor, tmp_path):
    write_blobs(tmp_path / 'in' / 'P1_a.png', 1, shape=(70, 50))
    write_blobs(tmp_path / 'in' / 'P2_b.png', 2)
    write_blobs(tmp_path / 'in' / 'P3_c.png', 3)
    out = tmp_path / 'out'
    pool = read_pool(tmp_path / 'in', out, pattern='^(P.)_')
    choices = [
        Choice(Seen('P1_a', True, 0.1, 'LEFT', 'CC'), 'uncertain', 0.25, False),
        Choice(Seen('P2_b', True, 0.1), 'plain random', None, True),
        Choice(Seen('P3_c', True, 0.1), 'plain random', None, True),
    ]
    corrected = np.zeros((80, 64), np.uint8)
    corrected[3:9, 4:8] = 255
    write_png(out / 'masks' / 'P2_b.png', corrected)  # of a run that was stopped
    write_choice(predictor, pool, choices, out, 3)
    first, second, third = rows(out)
    assert first == {
        'image': '../in/P1_a.png',
        'mask': 'masks/P1_a.png',
        'patient_id': 'P1',
        'laterality': 'LEFT',
        'view': 'CC',
        'split': 'train',
        'annotated': 'no',
        'finding': '',
        'density': '',
        'spacing_mm': '',
        'for_test': 'no',
        'why': 'uncertain',
        'score': '0.25',
        'round': '3',
        'key': 'P1_a',
    }
    assert (second['split'], second['for_test'], second['score']) == ('test', 'yes', '')
    mask = read_labels(out / first['mask'])
    np.testing.assert_array_equal(mask > 0, predictor(tmp_path / 'in' / 'P1_a.png').mask)
    assert mask.any()
    assert mask.shape == (70, 50)
    np.testing.assert_array_equal(read_labels(out / 'masks' / 'P2_b.png') > 0, corrected > 0)
    assert cv2.imread(str(out / 'sheet_1.png')).shape[0] > 240
    assert not read_labels(out / third['mask']).any()  # for testing: nothing to agree with
    readme = (out / 'README.md').read_text()
    assert f'prepare data/NEW --table {out / ROUND} --patient-pattern ' in readme


def test_a_prepared_image_brings_what_its_index_knows(predictor, prepared, tmp_path):
    pool = read_pool(prepared, tmp_path / 'out')
    write_choice(
        predictor, pool, [Choice(Seen('8', True, 0.1), '', None, False)], tmp_path / 'out', 1
    )
    (row,) = rows(tmp_path / 'out')
    assert (row['patient_id'], row['density']) == ('E', '2')
    assert (tmp_path / 'out' / row['image']).samefile(prepared / 'images' / '8.png')


def test_the_patient_of_a_header_is_not_written(predictor, save_dicom, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4000, (80, 64)).astype(np.uint16)
    save_dicom(pixels, 'in/a.dcm', PatientID='SECRET', ImagerPixelSpacing=[0.1, 0.1])
    pool = read_pool(tmp_path / 'in', tmp_path / 'out')
    choice = Choice(Seen('a', True, 0.1, 'LEFT', 'CC'), '', None, False)
    write_choice(predictor, pool, [choice], tmp_path / 'out', 1)
    (row,) = rows(tmp_path / 'out')
    assert (row['patient_id'], row['spacing_mm']) == ('', '')
    assert all(
        b'SECRET' not in p.read_bytes() for p in (tmp_path / 'out').rglob('*') if p.is_file()
    )


def test_many_images_are_on_several_sheets(predictor, tmp_path):
    for number in range(21):
        write_blobs(tmp_path / 'in' / f'{number}.png', number)
    pool = read_pool(tmp_path / 'in', tmp_path / 'out')
    choices = [Choice(Seen(one.key, True, 0.1), '', None, False) for one in pool.inputs]
    write_choice(predictor, pool, choices, tmp_path / 'out', 1)
    assert len(list((tmp_path / 'out').glob('sheet_*.png'))) == 2
