import json

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.shapes.coco import read_coco
from mmseg_mammo.io.shapes.drawing import draw

MASK = np.zeros((9, 7), bool)
MASK[1:4, 2:5] = MASK[6, 1:6] = MASK[8, 6] = True
# What pycocotools 2.0 writes of MASK, as text.
TEXT = '?132ON12ON12ON6020'


@pytest.fixture
def read(tmp_path):
    """Write a COCO file of the image a.png of 9×7 with these annotations, and read it."""

    def read(*annotations, categories=('mass',), chosen=(), **more):
        images = [{'id': 1, 'file_name': 'a.png', 'height': 9, 'width': 7}]
        images.append({'id': 2, 'file_name': 'b.png', 'height': 9, 'width': 7})
        names = [{'id': n, 'name': name} for n, name in enumerate(categories)]
        told = [{'image_id': 1, 'category_id': 0, 'id': n, **a} for n, a in enumerate(annotations)]
        data = {'images': images, 'annotations': told, 'categories': names, **more}
        path = tmp_path / 'coco.json'
        path.write_text(json.dumps(data), encoding='utf-8-sig')
        return read_coco(path, chosen)

    return read


def test_polygons_of_one_annotation_are_its_union_and_an_image_may_have_none(read):
    found = read({'segmentation': [[1, 1, 3, 1, 3, 3, 1, 3], [2, 2, 5, 2, 5, 4, 2, 4]]})
    assert found['b.png'] is None
    mask = draw(found['a.png'], (9, 7))
    expected = np.zeros((9, 7), bool)
    expected[1:3, 1:3] = expected[2:4, 2:5] = True
    np.testing.assert_array_equal(mask, expected)
    assert (found['a.png'].finding, found['a.png'].weak, found['a.png'].fault) == (
        'mass',
        False,
        '',
    )


def test_a_box_counts_only_where_nothing_else_was_drawn(read):
    polygon = {'segmentation': [[1, 1, 3, 1, 3, 3, 1, 3]], 'bbox': [0, 0, 7, 9]}
    assert not read(polygon)['a.png'].weak
    found = read(polygon, {'segmentation': [], 'bbox': [2, 5, 3, 2]})['a.png']
    assert found.weak
    assert (draw(found, (9, 7))[5:7, 2:5].all(), draw(found, (9, 7)).sum()) == (True, 4 + 6)


@pytest.mark.parametrize('text', [True, False])
def test_runs_as_numbers_and_as_the_text_of_pycocotools(read, text):
    flat = MASK.ravel(order='F').astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    runs = {'size': [9, 7], 'counts': TEXT if text else counts}
    np.testing.assert_array_equal(draw(read({'segmentation': runs})['a.png'], (9, 7)), MASK)


@pytest.mark.parametrize(
    ('annotation', 'fault'),
    [
        ({'segmentation': [[1, 1, 3, 1]]}, 'annotation 0: a polygon of 2 corners'),
        ({'segmentation': [[1, 1, 3, 1, 3]]}, 'x, y, x, y'),
        ({'segmentation': [[1, 1, 3, 1, 3, '3']]}, "'3' in the place of a number"),
        ({'segmentation': 'here'}, 'neither polygons nor runs'),
        ({'segmentation': {'size': [9, 7], 'counts': [3]}}, r'of 3 pixels for 9×7'),
        ({'segmentation': {'size': [9, 7], 'counts': 'P'}}, 'end within a number'),
        ({'segmentation': {'counts': [63]}}, 'without size'),
        ({'segmentation': {'size': [-9, -7], 'counts': [60, 3]}}, 'without size'),
        ({'segmentation': {'size': [9, 7], 'counts': [63, 0]}}, 'without a lesion pixel'),
        ({'bbox': [10**400, 1, 1, 4]}, 'a coordinate beyond'),
        ({'bbox': [1, 1, 0, 4]}, 'holds nothing'),
        ({'bbox': [1, 1, 4]}, 'neither a segmentation nor a bbox'),
    ],
)
def test_a_bad_annotation_is_the_fault_of_its_image_only(read, annotation, fault):
    assert fault in read(annotation)['a.png'].fault


@pytest.mark.parametrize('side', ['9 pixels', [9], -9, float('inf')])
def test_an_image_of_no_size_is_the_fault_of_its_drawing(read, side):
    images = [{'id': 1, 'file_name': 'a.png', 'height': side, 'width': 7}]
    assert 'no numbers of pixels' in read({'bbox': [1, 1, 2, 2]}, images=images)['a.png'].fault


def test_annotations_may_do_without_categories(read):
    found = read({'bbox': [1, 1, 2, 2], 'category_id': None}, categories=())['a.png']
    assert (found.finding, len(found.boxes)) == ('', 1)
    told = {'id': 1, 'image_id': 1, 'bbox': [1, 1, 2, 2]}
    assert read(annotations=[told], categories=())['a.png'].boxes == ((1, 1, 3, 3),)


def test_several_categories_have_to_be_told(read):
    told = [{'bbox': [1, 1, 2, 2], 'category_id': n} for n in (0, 1)]
    names = ('mass', 'nipple')
    with pytest.raises(MammoError, match=r'2 categories \(mass, nipple\).*--lesion-categories'):
        read(*told, categories=names)
    found = read(*told, categories=names, chosen=['mass'])['a.png']
    assert (found.finding, len(found.boxes)) == ('mass', 1)
    with pytest.raises(MammoError, match=r'no category Mass\. Allowed: mass, nipple'):
        read(*told, categories=names, chosen=['Mass'])
    with pytest.raises(MammoError, match=r'annotations of category 7, which is not in its list'):
        read(*told, {'bbox': [3, 3, 2, 2], 'category_id': 7}, categories=names, chosen=['mass'])


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        ({'images': None}, 'not a COCO file of instances'),
        ({'images': [{'id': 1, 'file_name': 'a'}, {'id': 2, 'file_name': 'a'}]}, "file_name 'a'"),
        ({'images': [{'id': 3, 'file_name': 'a.png'}]}, 'lies on image 1, which is not in its'),
        ({'images': [{'file_name': 'a.png'}]}, 'image 0 of its list has no id or no file_name'),
        ({'images': [{'id': 1, 'file_name': 5}]}, 'image 0 of its list has no id or no file_name'),
        ({'images': []}, 'lies on image 1, which is not in its'),
        ({'images': [{'id': [1], 'file_name': 'a.png'}]}, r'id is \[1\]'),
        ({'annotations': [{'image_id': {}}]}, r'image_id is \{\}'),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(read, more, said):
    with pytest.raises(MammoError, match=said):
        read({'bbox': [1, 1, 2, 2]}, **more)


def test_a_file_that_is_no_json_is_refused(tmp_path):
    (tmp_path / 'a.json').write_text('{"images": [')
    with pytest.raises(MammoError, match=r'a\.json: no JSON file'):
        read_coco(tmp_path / 'a.json')
    with pytest.raises(MammoError, match='Check the path'):
        read_coco(tmp_path / 'b.json')
