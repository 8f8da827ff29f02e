"""prompts.csv: points and boxes by image and object, in pixels of the prepared image."""

import pytest
import torch

from mmseg_mammo.errors import DataFileError, DataIndexError, MammoError
from mmseg_mammo.io.prompts import read_prompts, scale_prompts
from mmseg_mammo.models.prompts.prompts import Prompts


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
    ('rows', 'message'),
    [
        ('a.png,1,3,4,2,,,,', r"label '2'\. Allowed: 1 on the lesion, 0 beside it"),
        ('a.png,1,3,four,1,,,,', r"y 'four'\. Allowed: numbers in x, y, label"),
        ('a.png,1,nan,4,1,,,,', "x 'nan'"),
        ('a.png,1,,,,1,inf,2,2', r"y1 'inf'\. Allowed: numbers in x1, y1, x2, y2"),
        ('a.png,1,3,,1,,,,', "y ''"),
        ('a.png,1,,,,,,,', 'neither a point nor a box'),
        ('a.png,1,3,4,1,3,4,5,6', 'both a point and a box'),
        ('a.png,1,,,,1,1,2,2\na.png,1,,,,3,4,5,6', r"object '1' of a\.png has a box already"),
        ('a.png,1,,,,1,1,2,2\na.png,1,,,,1,1,2,2', "object '1' .* has a box already"),
        (',1,3,4,1,,,,', 'column image is empty'),
    ],
)
def test_a_row_that_is_no_point_and_no_only_box_is_named(rows, message, tmp_path):
    path = written(tmp_path, f'image,object,x,y,label,x1,y1,x2,y2\nb.png,1,1,1,1,,,,\n{rows}\n')
    with pytest.raises(DataFileError, match=rf'row {2 + len(rows.splitlines())}: {message}'):
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


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('image,x,y,label\n', 'missing column object'),
        ('', 'missing column image, object'),
        ('image,object,x,y,label\n', 'no rows. Allowed: a row for each point, or box'),
        (
            'image,object,x,y\na.png,1,3,4\n',
            'neither all columns of points nor all of boxes; it has',
        ),
        ('image,object,x,y,label\na.png,1,"3,4,1\n', 'row 2: not a row of a CSV file'),
    ],
)
def test_a_table_that_lacks_something_is_refused(text, message, tmp_path):
    with pytest.raises(MammoError, match=message) as caught:
        read_prompts(written(tmp_path, text))
    assert '\n' not in str(caught.value)


def test_a_missing_file_and_a_workbook_are_refused(tmp_path):
    with pytest.raises(DataIndexError, match=r'prompts\.csv: No such file'):
        read_prompts(tmp_path / 'prompts.csv')
    (tmp_path / 'prompts.csv').write_bytes(b'PK\x03\x04')
    with pytest.raises(DataIndexError, match='not a CSV file but a workbook'):
        read_prompts(tmp_path / 'prompts.csv')


def test_what_spreadsheets_of_windows_write_is_read(tmp_path):
    """A byte-order mark, semicolons, the paths of Windows, and labels that pandas made floats."""
    path = tmp_path / 'prompts.csv'
    path.write_bytes('\ufeffimage;object;x;y;label\r\nP1\\a.png;1;3;4;1.0\r\n'.encode())
    assert read_prompts(path) == {
        'P1/a.png': {'points': [[[3, 4]]], 'labels': [[1]], 'boxes': None}
    }


def test_rows_are_named_as_a_spreadsheet_shows_them(tmp_path):
    path = written(tmp_path, 'image,object,x,y,label\n\na.png,1,3,4,5\n')
    with pytest.raises(DataFileError, match="row 3: label '5'"):
        read_prompts(path)


def test_places_on_another_grid_are_those_that_the_model_would_make_of_them(tmp_path):
    text = 'image,object,x,y,label,x1,y1,x2,y2\na.png,1,7,8,1,,,,\na.png,1,,,,3,4,50,61\n'
    found = read_prompts(written(tmp_path, text))['a.png']
    ours = scale_prompts(found, 0.3, 0.7)
    theirs = Prompts(*map(torch.tensor, (found['points'], found['labels'], found['boxes'])))
    theirs = theirs.scale(0.3, 0.7)
    torch.testing.assert_close(torch.tensor(ours['points']), theirs.points)
    torch.testing.assert_close(torch.tensor(ours['boxes']), theirs.boxes)
    assert ours['labels'] == found['labels']
