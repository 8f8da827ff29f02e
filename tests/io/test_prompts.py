"""prompts.csv: points and boxes by image and object, in pixels of the prepared image."""

import pytest

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.prompts import read_prompts


def written(tmp_path, text):
    path = tmp_path / 'prompts.csv'
    path.write_text(text)
    return path


def test_points_are_grouped_by_object_and_filled_up(tmp_path):
    path = written(
        tmp_path, 'image,object,x,y,label\na.png,1,3,4,1\na.png,2,5,6,1\na.png,1,7.5,8,0\n'
    )
    assert read_prompts(path) == {
        'a.png': {
            'points': [[[3, 4], [7.5, 8]], [[5, 6], [0, 0]]],
            'labels': [[1, 0], [1, -1]],
            'boxes': None,
        }
    }


def test_boxes_alone_and_boxes_with_points(tmp_path):
    path = written(tmp_path, 'image,object,x1,y1,x2,y2\na.png,1,3,4,5,6\n')
    assert read_prompts(path)['a.png'] == {
        'points': [[]],
        'labels': [[]],
        'boxes': [[3, 4, 5, 6]],
    }
    path = written(
        tmp_path, 'image,object,x,y,label,x1,y1,x2,y2\na.png,1,,,,3,4,5,6\na.png,1,4,5,1,,,,\n'
    )
    assert read_prompts(path)['a.png'] == {
        'points': [[[4, 5]]],
        'labels': [[1]],
        'boxes': [[3, 4, 5, 6]],
    }


@pytest.mark.parametrize(
    'rows',
    [
        'a.png,1,3,4,2,,,,',
        'a.png,1,3,four,1,,,,',
        'a.png,1,3,,1,,,,',
        'a.png,1,,,,,,,',
        'a.png,1,3,4,1,3,4,5,6',
        'a.png,1,,,,1,1,2,2\na.png,1,,,,3,4,5,6',
    ],
)
def test_a_row_that_is_no_point_and_no_only_box_is_named(rows, tmp_path):
    path = written(tmp_path, f'image,object,x,y,label,x1,y1,x2,y2\nb.png,1,1,1,1,,,,\n{rows}\n')
    with pytest.raises(DataFileError, match=rf'row {2 + len(rows.splitlines())}: neither a point'):
        read_prompts(path)


@pytest.mark.parametrize('box', ['40,10,5,60', '5,60,40,10'])
def test_a_box_with_its_corners_the_wrong_way_round_is_named(box, tmp_path):
    header = 'image,object,x1,y1,x2,y2'
    path = written(tmp_path, f'{header}\na.png,1,5,5,5,5\na.png,2,{box}\n')
    with pytest.raises(DataFileError, match=r'row 3: a box from x1=.*Allowed: x1 <= x2'):
        read_prompts(path)


def test_every_object_has_a_box_or_none(tmp_path):
    path = written(
        tmp_path, 'image,object,x,y,label,x1,y1,x2,y2\na.png,1,,,,3,4,5,6\na.png,2,4,5,1,,,,\n'
    )
    with pytest.raises(DataFileError, match=r'1 of 2 objects of a\.png have a box'):
        read_prompts(path)


def test_a_table_without_images_or_objects_is_refused(tmp_path):
    with pytest.raises(DataIndexError, match='missing column object'):
        read_prompts(written(tmp_path, 'image,x,y,label\n'))
