"""A prediction folder: whose it is, and its tables."""

import csv

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction import describe
from mmseg_mammo.inference.prediction_folder import tables as module
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import FOLDER, Journal
from mmseg_mammo.inference.prediction_folder.tables import (
    claim_folder,
    image_line,
    write_tables,
)
from mmseg_mammo.inference.predictor import Loaded
from mmseg_mammo.preparation.likeness import Likeness

SETTINGS = {'threshold': 0.5, 'checkpoints': ['abc']}


def rows(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


def line(key, score=0.5, lesions=(), **more):
    found = {'key': key, 'image': f'{key}.dcm', 'patient_id': '', 'laterality': '', 'view': ''}
    found |= {'height': 9, 'width': 9, 'score': score, 'regions': len(lesions), 'area_pixels': 1}
    found |= {'area_mm2': None, 'threshold': 0.5, 'seconds': 1, 'mask': f'masks/{key}.png'}
    found |= {'lesions': list(lesions), 'without_prompt': False, 'fingerprint': 'p'}
    return found | more


@pytest.fixture
def tables(tmp_path):
    """A function that writes the tables of lines, of inputs in their order."""
    opened = []

    def write(lines, inputs=None):
        opened.append(Journal(tmp_path, 'part-0-of-1'))
        for each in lines:
            opened[-1].append(each)
        inputs = inputs or [
            Input(f'{e["key"]}.dcm', tmp_path / 'gone.png', e['key']) for e in lines
        ]
        return write_tables(tmp_path, inputs, opened[-1])

    yield write
    for journal in opened:
        journal.close()


def test_a_folder_is_taken_once_and_again_by_the_same_settings(tmp_path):
    out = tmp_path / 'new' / 'out'
    claim_folder(out, SETTINGS)
    claim_folder(out, SETTINGS)
    (out / 'masks').mkdir()
    claim_folder(out, SETTINGS)
    with pytest.raises(MammoError, match=r'threshold was 0\.5, is 0\.6.*Name another --out'):
        claim_folder(out, {**SETTINGS, 'threshold': 0.6})
    with pytest.raises(MammoError, match='tta was None, is True'):
        claim_folder(out, {**SETTINGS, 'tta': True})


def test_a_folder_of_something_else_is_refused_and_one_that_is_being_made_is_not(tmp_path):
    (tmp_path / 'file').write_text('a')
    for place, said in ((tmp_path, 'not empty, and not'), (tmp_path / 'file', 'a file, not')):
        with pytest.raises(MammoError, match=f'{said} made by mammoseg predict'):
            claim_folder(place, SETTINGS)
    (tmp_path / 'out' / FOLDER).mkdir(parents=True)  # by a process that starts at the same time
    claim_folder(tmp_path / 'out', SETTINGS)


def test_a_folder_that_another_process_has_just_taken_is_no_stranger(tmp_path, monkeypatch):
    """It lists the folder before it looks for the settings, so that those are there if files are."""
    out = tmp_path / 'out'
    out.mkdir()
    real = module.Path.is_file

    def meanwhile(path):
        if path.name == 'settings.json' and not real(path):
            claim = real
            monkeypatch.setattr(module.Path, 'is_file', claim)
            claim_folder(out, SETTINGS)
            (out / 'run.json').write_text('{}')
            return False
        return real(path)

    monkeypatch.setattr(module.Path, 'is_file', meanwhile)
    claim_folder(out, SETTINGS)


def test_tables_have_the_order_of_the_inputs_and_counts(tables, tmp_path):
    region = {'number': 1, 'score': 0.9, 'x': 1.0, 'y': 2.0, 'left': 0, 'top': 0}
    region |= {'right': 2, 'bottom': 4, 'pixels': 15, 'area_mm2': None}
    region |= {'longest_diameter_mm': None}
    lines = [
        line('b', 0.9, [region, {**region, 'number': 2}], area_mm2=1.5),
        {'key': 'x', 'image': 'x.dcm', 'failed': 'x.dcm: not DICOM.'},
        line('a', 0.1, without_prompt=True, without_segmentation='no UID.'),
    ]
    counts = {'images': 2, 'failed': 1, 'with_marks': 1}
    counts |= {'without_prompt': 1, 'without_segmentation': 1}
    counts |= {'compared': 0, 'unusual': 0, 'unlike': 0}  # lines of an earlier version
    assert tables(lines) == counts
    found = rows(tmp_path / 'predictions.csv')
    assert [(r['key'], r['score'], r['regions'], r['area_mm2']) for r in found] == [
        *[('b', '0.9', '2', '1.5'), ('a', '0.1', '0', '')]
    ]
    assert tuple(found[0]) == module.IMAGE_COLUMNS
    lesions = rows(tmp_path / 'lesions.csv')
    assert [(r['key'], r['number'], r['pixels'], r['area_mm2']) for r in lesions] == [
        *[('b', '1', '15', ''), ('b', '2', '15', '')]
    ]
    assert rows(tmp_path / 'failed.csv') == [
        {'image': 'x.dcm', 'reason': 'x.dcm: not DICOM.'},
        {'image': 'a.dcm', 'reason': 'predicted, but not written as DICOM SEG: no UID.'},
    ]


def test_breasts_are_those_of_a_patient_that_is_given_or_that_a_header_names(
    tables, save_dicom, tmp_path
):
    pixels = np.zeros((4, 4), np.uint16)
    header = {p: save_dicom(pixels, f'{p}.dcm', PatientID=p) for p in ('P1', 'P2', '')}
    png = tmp_path / 'a.png'
    inputs = [
        *[Input('1.dcm', header['P1'], '1'), Input('2.dcm', header['P1'], '2')],
        *[Input('3.dcm', header['P2'], '3'), Input('4.dcm', header[''], '4')],
        *[Input('5.dcm', png, '5', 'P1'), Input('6.dcm', png, '6', 'P1')],
        *[Input('7.dcm', png, '7', 'P1'), Input('8.dcm', png, '8')],
    ]
    left, right = dict(laterality='LEFT'), dict(laterality='RIGHT')
    lines = [
        *[line('1', 0.2, view='CC', image='a b/1.dcm', **left), line('2', 0.7, view='MLO', **left)],
        *[line('3', 0.3, **left), line('4', 0.4, **left)],
        *[line('5', 0.5, **left), line('6', 0.6, **right)],
        *[line('7', 0.1), line('8', 0.8, **left)],
    ]
    tables(lines, inputs)
    found = rows(tmp_path / 'breasts.csv')
    assert [(r['files'], r['patient_id'], r['score'], r['views'], r['images']) for r in found] == [
        ('a b/1.dcm | 2.dcm', '', '0.7', 'CC MLO', '2'),
        ('3.dcm', '', '0.3', '', '1'),
        ('4.dcm', '', '0.4', '', '1'),
        ('5.dcm', 'P1', '0.5', '', '1'),
        ('6.dcm', 'P1', '0.6', '', '1'),
        ('7.dcm', 'P1', '0.1', '', '1'),
        ('8.dcm', '', '0.8', '', '1'),
    ]


def test_images_that_are_not_like_the_training_images_are_counted(tables, tmp_path):
    why = ('like', 'unusual: tissue is dark', 'unlike: outside is bright', None)
    lines = [line(str(n), likeness=None, likeness_why=each) for n, each in enumerate(why)]
    counts = tables(lines)
    assert (counts['compared'], counts['unusual'], counts['unlike']) == (3, 1, 1)
    assert [row['likeness_why'] for row in rows(tmp_path / 'predictions.csv')] == [
        *why[:3],
        '',
    ]


def test_an_image_is_compared_with_the_training_images(tmp_path):
    """By the laterality that a table gives; without a reference nothing is said."""
    image = np.zeros((40, 30), np.uint8)
    image[10:30, :12] = 200
    asked = []

    class Reference:
        def judge(self, found, laterality, features):
            asked.append((found['height'], laterality, features))
            return Likeness(0.123456, 'unusual', ('tissue is bright',), 0.98765)

    source = Input('a.png', tmp_path / 'a.png', 'a', laterality='LEFT')
    found = describe(np.zeros((40, 30), np.float32), np.zeros((40, 30), bool), 0.5)
    loaded = Loaded((), image, laterality='RIGHT')
    row = image_line(source, loaded, found, 'masks/a.png', Reference())
    assert (row['likeness'], row['likeness_why']) == (0.1235, 'unusual: tissue is bright')
    assert row['likeness_network'] == 0.9877
    assert asked == [(40, 'LEFT', None)]
    row = image_line(source, loaded, found, 'masks/a.png')
    assert {value for name, value in row.items() if 'likeness' in name} == {None}


def test_images_of_a_model_with_presence_say_so(tables, tmp_path):
    counts = tables([line('1', presence=0.03, closed=1), line('2', presence=0.9, closed=0)])
    assert counts['closed'] == 1
    found = rows(tmp_path / 'predictions.csv')
    assert [(row['presence'], row['closed']) for row in found] == [('0.03', '1'), ('0.9', '0')]


def test_images_of_other_models_have_no_presence(tables, tmp_path):
    assert 'closed' not in tables([line('1'), line('2')])
    assert 'presence' not in rows(tmp_path / 'predictions.csv')[0]


def test_a_closed_image_has_the_score_zero_and_its_presence(tmp_path):
    probability = np.full((40, 30), 0.8, np.float32)
    said = dict(presence=0.0312345678, presence_threshold=0.2, closed=True)
    found = describe(probability, np.zeros((40, 30), bool), 0.5, **said)
    source = Input('a.png', tmp_path / 'a.png', 'a')
    row = image_line(source, Loaded((), np.zeros((40, 30), np.uint8)), found, 'masks/a.png')
    assert (row['presence'], row['closed'], row['score']) == (0.031235, 1, 0.0)
    assert found.probability.max() == np.float32(0.8)  # the evidence


def test_candidates_have_a_table_where_the_model_has_some(tables, tmp_path):
    one = {'number': 1, 'x': 1.5, 'y': 2, 'left': -3, 'top': 0, 'right': 6, 'bottom': 9}
    one |= {'finder_score': 0.4, 'refiner_presence': 0.5, 'refiner_max': 0.9, 'score': 0.6}
    one |= {'kept': 1}
    tables([line('a', candidates=[one, one | {'number': 2}]), line('b', candidates=[])])
    found = rows(tmp_path / 'candidates.csv')
    assert [(row['key'], row['number'], row['left']) for row in found] == [
        ('a', '1', '-3'),
        ('a', '2', '-3'),
    ]


def test_a_model_of_one_stage_has_no_table_of_candidates(tables, tmp_path):
    tables([line('a')])
    assert not (tmp_path / 'candidates.csv').exists()


def test_a_line_has_the_candidates_of_a_prediction():
    said = {'finder_score': 0.4, 'refiner_presence': 0.5, 'refiner_max': 0.9, 'score': 0.123456789}
    one = {'x': 1.234, 'y': 2.0, 'crop': (-3.0, 0.0, 6.0, 9.126), 'kept': True, **said}
    zeros = np.zeros((9, 9), np.float32)
    source, loaded = Input('a.png', None, 'a'), Loaded((), np.zeros((9, 9), np.uint8))
    for given, rows_ in (((one,), 1), ((), 0)):
        found = describe(zeros, zeros > 0, 0.5, candidates=given)
        told = image_line(source, loaded, found, 'masks/a.png')['candidates']
        assert len(told) == rows_
    assert 'candidates' not in image_line(source, loaded, describe(zeros, zeros > 0, 0.5), 'm')
    (row,) = image_line(source, loaded, describe(zeros, zeros > 0, 0.5, candidates=(one,)), 'm')[
        'candidates'
    ]
    assert (row['number'], row['x'], row['bottom'], row['score'], row['kept']) == (
        *(1, 1.23, 9.13, 0.123457, 1),
    )
