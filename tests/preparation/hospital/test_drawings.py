import json

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_raster, write_png
from mmseg_mammo.io.index import read_index
from mmseg_mammo.io.table import read_table
from mmseg_mammo.preparation.hospital.drawings import list_drawn, read_drawings
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.image import PixelOptions
from mmseg_mammo.preparation.hospital.prepare import Settings, prepare
from mmseg_mammo.preparation.hospital.table import read_hospital_table

SHAPE = (60, 40)
POLYGON = {'segmentation': [[10, 20, 15, 20, 15, 24, 10, 24]]}
HEAD = 'image,mask,patient_id,annotated,x1,y1,x2,y2\n'


@pytest.fixture
def export(tmp_path):
    """Four images and a mask."""
    rng = np.random.default_rng(0)
    for name in 'abcd':
        write_png(tmp_path / f'P1/{name}.png', rng.integers(0, 255, SHAPE).astype(np.uint8))
    mask = np.zeros(SHAPE, np.uint8)
    mask[:9, :9] = 1
    write_png(tmp_path / 'm.png', mask)
    return tmp_path


@pytest.fixture
def coco(export):
    """Write a COCO file: name of an image -> its annotations, and read it."""

    def coco(**images):
        listed = [
            {'id': n, 'file_name': name.replace('__', '/') + '.jpg', 'height': 60, 'width': 40}
            for n, name in enumerate(images)
        ]
        told = [
            {'image_id': n, 'category_id': 1, 'id': 10 * n + m, **one}
            for n, found in enumerate(images.values())
            for m, one in enumerate(found)
        ]
        data = {'images': listed, 'annotations': told, 'categories': [{'id': 1, 'name': 'Mass'}]}
        (export / 'coco.json').write_text(json.dumps(data))
        return read_drawings(export / 'coco.json')

    return coco


def read(export, rows, drawings=None, **gaps):
    table = export / 'table.csv'
    table.write_text(HEAD + rows)
    return read_hospital_table(table, export, {}, {}, Gaps(**gaps), drawings=drawings)


def make(export, found, **changes):
    settings = Settings(
        export / 'table.csv', 'ours', 'contour', PixelOptions(long_side=0), **changes
    )
    return prepare(*found, export / 'out', settings)


def test_masks_boxes_and_polygons_in_one_preparation(export, coco):
    rows = (
        'P1/a.png,m.png,P1,,,,,\n'
        'P1/b.png,,P1,,3,5,6,8\n'
        'P1/b.png,,P1,,20,30,21,31\n'
        'P1/c.png,,P1,,,,,\n'
        'P1/d.png,,P1,normal,,,,\n'
    )
    outcome = make(export, read(export, rows, coco(c=[POLYGON])))
    index = read_index(export / 'out/index.csv')
    assert index == outcome.rows
    assert [(row.annotated, row.mask_kind, row.finding) for row in index] == [
        ('lesion', 'contour', ''),
        ('lesion', 'weak', ''),
        ('lesion', 'contour', 'mass'),
        ('normal', 'contour', ''),
    ]
    boxes, drawn = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    boxes[5:9, 3:7] = boxes[30:32, 20:22] = drawn[20:24, 10:15] = 255
    np.testing.assert_array_equal(read_raster(export / 'out/masks/b.png'), boxes)
    np.testing.assert_array_equal(read_raster(export / 'out/masks/c.png'), drawn)
    audit = {line['row']: line['mask'] for line in read_table(export / 'out/audit.csv', [])}
    assert audit['row 3'] == 'box x1=3 y1=5 x2=6 y2=8 (boxes: 1)'
    assert audit['row 5'] == 'coco.json: c.jpg (polygons: 1)'


def test_a_moved_box_makes_its_image_again(export):
    make(export, read(export, 'P1/b.png,,P1,,3,5,6,8\n'))
    make(export, read(export, 'P1/b.png,,P1,,3,5,6,9\n'))
    assert (read_raster(export / 'out/masks/b.png') > 0).sum() == 4 * 5


def test_a_box_decides_like_a_mask(export):
    rows = 'P1/b.png,,P1,normal,3,5,6,8\n'
    with pytest.raises(MammoError, match="annotated is 'normal', its masks say 'lesion'"):
        make(export, read(export, rows))
    entries, _ = read(export, 'P1/b.png,,P1,,3,5,6,8\nP1/a.png,,P1,,,,,\n', empty_mask='normal')
    assert [entry.annotated for entry in entries] == ['', 'normal']


def test_a_box_beyond_its_image_is_a_bad_row(export):
    with pytest.raises(
        MammoError, match=r'row 2: box x1=3 .* y2=8: a shape from x=3, y=5 to x=61, y=9'
    ):
        make(export, read(export, 'P1/b.png,,P1,,3,5,60,8\n'))


def test_a_mask_comes_before_the_box_of_its_row_and_the_audit_says_so(export):
    outcome = make(export, read(export, 'P1/a.png,m.png,P1,,30,30,35,35\n'))
    assert outcome.rows[0].mask_kind == 'contour'
    assert (read_raster(export / 'out/masks/a.png') > 0).sum() == 81
    assert outcome.audit[0]['note'] == 'its mask was taken, and not its box'


def test_an_empty_mask_beside_a_box_is_doubtful(export):
    write_png(export / 'm.png', np.zeros(SHAPE, np.uint8))
    with pytest.raises(MammoError, match='its mask is empty, but it has a box'):
        make(export, read(export, 'P1/a.png,m.png,P1,,30,30,35,35\n'))


def test_columns_that_look_like_a_box_do_not_pass_for_a_normal_image(export):
    (export / 'table.csv').write_text('image,mask,patient_id,xmin\nP1/a.png,,P1,12\n')
    _, (problem,) = read_hospital_table(
        export / 'table.csv', export, {}, {}, Gaps(empty_mask='normal')
    )
    assert 'column xmin is 12; if that is of a box: --column x1=' in problem.message


def test_a_drawing_beside_a_mask_or_a_box_is_a_bad_row(export, coco):
    drawings = coco(a=[POLYGON], b=[POLYGON])
    _, problems = read(export, 'P1/a.png,m.png,P1,,,,,\nP1/b.png,,P1,,3,5,6,8\n', drawings)
    assert [problem.message.split('; ')[0] for problem in problems] == [
        'coco.json: a.jpg (polygons: 1) and column mask both tell of lesions',
        'coco.json: b.jpg (polygons: 1) and column x1 both tell of lesions',
    ]


def test_bad_geometry_is_a_bad_row_before_anything_is_written(export, coco):
    _, (problem,) = read(export, 'P1/a.png,,P1,,,,,\n', coco(a=[{'bbox': [3, 3, 0, 0]}]))
    assert 'coco.json: a.jpg, annotation 0: a box' in problem.message


def test_an_image_that_the_file_does_not_list_is_not_simply_normal(export, coco):
    rows = 'P1/a.png,,P1,,,,,\nP1/b.png,,P1,,,,,\nP1/c.png,,P1,normal,,,,\n'
    entries, (problem,) = read(export, rows, coco(a=[]), empty_mask='normal')
    assert [(e.relative, e.annotated) for e in entries] == [
        ('P1/a.png', 'normal'),
        ('P1/c.png', 'normal'),
    ]
    assert problem.message.startswith('no mask, but coco.json does not list it')


@pytest.mark.parametrize('name', ['x', 'P2__a'])
def test_drawings_of_no_image_stop(export, coco, name):
    with pytest.raises(MammoError, match=r'(?s)1 images with drawings .*: *\n  \S*[xa]\.jpg'):
        read(export, 'P1/a.png,,P1,no,,,,\n', coco(**{name: [POLYGON], 'a_': []}))


def test_a_folder_of_images_with_a_file_of_drawings(export, coco):
    drawings = coco(P1__a=[{'bbox': [3, 3, 5, 5]}], P1__b=[], c=[POLYGON])
    (export / 'P1/e.gif').write_bytes(b'GIF89a')
    gaps = Gaps(empty_mask='not-annotated', patient_pattern='^(P.)')
    entries, problems = list_drawn(export / 'P1', drawings, {'patient_id': 'P1'}, gaps)
    found = [(e.relative, e.annotated, e.mask_kind) for e in entries]
    assert found == [
        *(('a.png', '', 'weak'), ('b.png', 'no', ''), ('c.png', '', ''), ('d.png', 'no', '')),
    ]
    assert [problem.place for problem in problems] == ['e.gif']
    with pytest.raises(MammoError, match=r'--set view=XX\. Allowed: CC'):
        list_drawn(export / 'P1', drawings, {'view': 'XX'}, gaps)
