"""What becomes of an image after each step of a pipeline."""

import cv2
import pytest
from mmengine.config import Config
from prepared_sets import write_prepared

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference import step_pictures
from mmseg_mammo.inference.step_pictures import browsed_data, step_tiles, write_steps
from mmseg_mammo.visualization.contact_sheet import PICTURE, draw_sheet

PIPELINE = [
    dict(type='ReadMammogram'),
    dict(type='MapIntensity', intensity='minmax'),
    dict(type='LoadLesionMask'),
    dict(type='ResizeMammogram', scale=(64, 64)),
    dict(type='RandomFlip', prob=0.0),
    dict(type='PackMammogram'),
]


@pytest.fixture
def cfg(tmp_path):
    folder = write_prepared(tmp_path / 'data', 3)
    data = dict(type='MammographyDataset', data_root=str(folder), pipeline=PIPELINE)
    return Config(dict(default_scope='mmseg', train_dataloader=dict(dataset=data)))


def test_there_is_a_picture_for_every_step_about_the_image(cfg):
    ((dataset, index), *_) = browsed_data(cfg, 'train').values()
    tiles = step_tiles(dataset, index)
    assert [tile.lines[0] for tile in tiles] == [
        'ReadMammogram',
        'MapIntensity: nothing',
        'ResizeMammogram',
        'RandomFlip: nothing',
    ]
    assert tiles[0].lines[1].startswith('160×120 uint8')
    assert tiles[2].lines[1].startswith('64×64')
    assert tiles[0].mask is None  # not loaded yet
    assert tiles[2].mask.any()


def test_a_sheet_has_a_row_for_each_image_which_is_named(cfg, tmp_path, monkeypatch):
    drawn = []

    def draw(tiles, columns):
        drawn.extend(tiles)
        return draw_sheet(tiles, columns)

    monkeypatch.setattr(step_pictures, 'draw_sheet', draw)
    write_steps(tmp_path / 'steps.png', [*browsed_data(cfg, 'train').values()])
    assert [tile.lines[2:] for tile in drawn] == [
        words for number in range(3) for words in ((f'{number:02d}.png',), (), (), ())
    ]
    sheet = cv2.imread(str(tmp_path / 'steps.png'))
    assert sheet.shape[1] == 4 * (PICTURE + 12)
    assert sheet.shape[0] % 3 == 0


def test_a_config_without_such_a_loader_or_such_data_is_refused(cfg):
    with pytest.raises(MammoError, match='no val_dataloader'):
        browsed_data(cfg, 'val')
    cfg.train_dataloader.dataset = dict(
        type='BaseSegDataset',
        data_root='',
        pipeline=[],
        lazy_init=True,
        metainfo=dict(classes=['a']),
    )
    with pytest.raises(MammoError, match='a BaseSegDataset'):
        browsed_data(cfg, 'train')


def test_images_of_other_folders_are_looked_at_too(cfg, tmp_path):
    other = write_prepared(tmp_path / 'other', 2, source='other')
    cfg.train_dataloader.dataset.normal_sources = [str(other)]
    found = browsed_data(cfg, 'train')
    assert [(item.folder.name, item.row.image) for item in found] == [
        *(('data', f'images/0{number}.png') for number in range(3)),
        *(('other', f'images/0{number}.png') for number in range(2)),
    ]
