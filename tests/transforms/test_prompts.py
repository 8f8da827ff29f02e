"""LoadPrompts: the prompts of an image from a table, in pixels of the prepared image."""

import shutil

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.index import INDEX_NAME
from mmseg_mammo.io.table import read_table, write_table
from mmseg_mammo.transforms import LoadPrompts, ShrinkMammogram


def written(tmp_path, text):
    path = tmp_path / 'prompts.csv'
    path.write_text(text)
    return path


def prompted(tmp_path, image='images/a.png'):
    return dict(image=image, img_path=str(tmp_path / image), ori_shape=(80, 64))


def test_an_image_gets_its_own_prompts_from_the_folder_of_the_index(tmp_path):
    written(tmp_path, 'image,object,x,y,label\nimages/a.png,1,63,79,1\nimages/b.png,1,1,1,1\n')
    found = Compose([dict(type='LoadPrompts')])(prompted(tmp_path))
    assert found['prompts'] == {'points': [[[63, 79]]], 'labels': [[1]], 'boxes': None}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('x,y,label\nimages/b.png,1,1,1,1\n', r'no prompts for 1 of 1 images: images/a\.png'),
        ('x,y,label\nimages/a.png,1,64,1,1\n', r'x=64\.0, y=1\.0 lies outside.*x from 0 to 63'),
        ('x1,y1,x2,y2\nimages/a.png,1,3,4,5,80\n', r'x=5\.0, y=80\.0 lies outside'),
    ],
)
def test_no_prompts_and_prompts_outside_are_errors(text, message, tmp_path):
    written(tmp_path, f'image,object,{text}')
    with pytest.raises(DataFileError, match=message):
        LoadPrompts().transform(prompted(tmp_path))


def test_a_dataset_looks_for_the_prompts_of_all_its_images_before_the_first(prepared, tmp_path):
    root = tmp_path / 'copy'
    shutil.copytree(prepared, root)
    options = dict(data_root=str(root), split='train', pipeline=[dict(type='LoadPrompts')])
    written(root, 'image,object,x,y,label\nimages/1.png,1,3,4,1\nimages/3.png,1,3,4,1\n')
    with pytest.raises(DataFileError, match=r'2 of 4 images: images/0\.png, images/2\.png'):
        MammographyDataset(**options)
    rows = ''.join(f'images/{number}.png,1,3,4,1\n' for number in range(4))
    written(root, f'image,object,x,y,label\n{rows}')
    assert len(MammographyDataset(**options)) == 4


def test_the_grid_has_to_be_known():
    with pytest.raises(MammoError, match=r"coordinates='mm' of LoadPrompts.*original, prepared"):
        LoadPrompts(coordinates='mm')


@pytest.fixture
def halved(prepared, tmp_path):
    """The prepared images as if made from originals of twice their height and four times their width."""
    root = tmp_path / 'halved'
    shutil.copytree(prepared, root)
    rows = read_table(root / INDEX_NAME, ())
    for row in rows:
        row.update(original_height=160, original_width=256)
    write_table(root / INDEX_NAME, list(rows[0]), rows)
    return root


def found_in(root, text, split='test', **options):
    """The prompts of each annotated image of a split, from a table outside of the data."""
    table = root.parent / 'table.csv'
    table.write_text(text)
    step = dict(type='LoadPrompts', file=str(table), required=False, **options)
    steps = [dict(type='LoadMammogram'), step]
    return [
        dataset_item['prompts']
        for dataset_item in MammographyDataset(data_root=str(root), split=split, pipeline=steps)
    ]


def test_coordinates_of_the_original_are_the_same_places_as_scaled_ones_of_the_prepared(halved):
    """Outer edges coincide: an original reaches from -0.5 to 255.5, its prepared image to 63.5."""
    head = 'image,object,x,y,label,x1,y1,x2,y2\n'
    original = '6.png,1,101.5,20.5,1,,,,\n6.png,1,,,,0,0,255,159\n'
    prepared = '6.png,1,25,10,1,,,,\n6.png,1,,,,0,0,63,79\n'
    found, none = found_in(halved, head + original, coordinates='original')
    assert found['points'] == [[[25, 10]]]
    assert found['boxes'] == [[-0.375, -0.25, 63.375, 79.25]]
    assert found['labels'] == [[1]]
    ours, _ = found_in(halved, head + prepared, coordinates='prepared')
    assert (ours['points'], ours['boxes']) == (found['points'], [[0, 0, 63, 79]])
    assert none == {'points': [], 'labels': [], 'boxes': None}


def test_without_an_index_the_original_is_the_image_itself(tmp_path):
    table = written(tmp_path, 'image,object,x,y,label\na,1,63,79,1\n')
    step = LoadPrompts(file=str(table), coordinates='original', required=False)
    alone = {'img_path': '/data/P1/a.dcm', 'ori_shape': (80, 64)}
    assert step.transform(dict(alone))['prompts']['points'] == [[[63, 79]]]
    other = {**alone, 'img_path': '/data/P1/b.dcm'}
    assert step.transform(other)['prompts']['labels'] == []


def test_a_prompt_outside_the_original_is_named_before_the_first_image_is_read(halved):
    text = 'image,object,x,y,label\n6.png,1,256,1,1\n'
    with pytest.raises(
        DataFileError, match=r'6\.png: the prompt at x=256.*x from 0 to 255.*of the original'
    ):
        found_in(halved, text, coordinates='original')
    with pytest.raises(DataFileError, match=r'x from 0 to 63.*prepared image, not of the original'):
        found_in(halved, text.replace('256', '64'), coordinates='prepared')


def test_what_has_no_prompt_and_what_is_not_tested_is_counted(prepared, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_mammo.transforms.prompts.print_log', lambda text, _: said.append(text)
    )
    text = 'image,object,x,y,label\n' + ''.join(f'{n},1,3,4,1\n' for n in (0, 1, 7))
    found_in(prepared, text)
    (line,) = said
    assert line == (
        f'{prepared.parent / "table.csv"}: prompts for 1 of 2 images; 1 images without a prompt: '
        'predicted empty; 2 images of the table are not among those tested'
    )


def test_a_name_that_the_index_does_not_have_is_no_image_without_a_prompt(prepared):
    text = 'image,object,x,y,label\nimages/6.png,1,3,4,1\nimages/77.png,1,3,4,1\n'
    with pytest.raises(DataFileError, match=r'1 names.*images/77\.png.*Did you mean images/7\.png'):
        found_in(prepared, text)


def test_a_table_of_other_images_alone_is_an_error(prepared, tmp_path):
    with pytest.raises(
        DataFileError, match=r'no prompts for any of 2 images, such as images/6\.png'
    ):
        found_in(prepared, 'image,object,x,y,label\n0.png,1,3,4,1\n')
    # Without an index others cannot be told from misspelt ones.
    table = written(tmp_path, 'image,object,x,y,label\na,1,3,4,1\nb,1,3,4,1\n')
    step = LoadPrompts(file=str(table), required=False)
    step.check_images([{'img_path': '/data/a.png'}])
    with pytest.raises(
        DataFileError, match=r'no prompts for any of 1 images, such as /data/c\.png'
    ):
        step.check_images([{'img_path': '/data/c.png'}])


def test_coordinates_of_the_prepared_image_are_brought_to_an_original_that_is_shrunk(tmp_path):
    """An original of 160×256 is given to a model that was trained on images of 80×128."""
    table = written(tmp_path, 'image,object,x,y,label\na,1,25,10,1\n')
    shrink = ShrinkMammogram(long_side=128)
    found = {}
    for grid in ('prepared', 'original'):
        step = LoadPrompts(file=str(table), coordinates=grid, required=False)
        image = np.zeros((160, 256), np.uint8)
        item = dict(img=image, img_path='a.png', img_shape=(160, 256), ori_shape=(160, 256))
        found[grid] = step(shrink(item))['prompts']['points']
    assert found == {'prepared': [[[50.5, 20.5]]], 'original': [[[25, 10]]]}
    written(tmp_path, 'image,object,x,y,label\na,1,128,10,1\n')
    step = LoadPrompts(file=str(table), coordinates='prepared', required=False)
    with pytest.raises(
        DataFileError, match=r'x from 0 to 127.*prepared image, not of the original'
    ):
        step(shrink(dict(img=image, img_path='a.png', ori_shape=(160, 256))))
