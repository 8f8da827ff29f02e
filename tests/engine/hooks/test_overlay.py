from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.engine import OverlayHook
from mmseg_mammo.io.image import write_png
from mmseg_mammo.visualization.overlay import PREDICTION_COLOUR, TRUTH_COLOUR


class Images(list):
    """What the hook asks of a dataset."""

    def get_data_info(self, index):
        path = Path(self[index])
        image = f'{path.parent.name}/{path.name}'
        return {'img_path': self[index], 'source': 's', 'image': image}


@pytest.fixture
def paths(tmp_path):
    found = Images()
    for number in range(20):
        path = tmp_path / f'{number}.png'
        write_png(path, np.full((64, 64), 100, np.uint8))
        found.append(str(path))
    return found


def mask(rows):
    data = torch.zeros(1, 64, 64)
    data[:, rows, 20:40] = 1
    return PixelData(data=data)


def draw(paths, folder, facts=(), **options):
    """Names of the pictures of a test of all images: truth above, prediction below."""
    runner = SimpleNamespace(log_dir=folder, test_dataloader=SimpleNamespace(dataset=paths))
    hook = OverlayHook(**options)
    hook.before_test_epoch(runner)
    for path in paths:
        sample = SegDataSample(metainfo={'img_path': path, 'source': 's', **dict(facts)})
        sample.gt_sem_seg, sample.pred_sem_seg = mask(slice(5, 20)), mask(slice(40, 60))
        hook.after_test_iter(runner, 0, outputs=[sample])
    return sorted(path.name for path in (folder / 'overlays').glob('*.png'))


def test_the_same_seed_draws_the_same_images_and_another_seed_others(paths, tmp_path):
    first, again, other = (
        draw(paths, tmp_path / name, count=3, seed=seed)
        for name, seed in (('a', 0), ('b', 0), ('c', 1))
    )
    assert len(first) == 3
    assert first == again != other


def test_images_of_one_name_in_two_folders_have_a_picture_each(tmp_path):
    found = Images(str(tmp_path / folder / 'a.png') for folder in ('left', 'right'))
    for path in found:
        write_png(Path(path), np.full((64, 64), 100, np.uint8))
    assert draw(found, tmp_path) == ['s_left_a.png', 's_right_a.png']


def test_the_truth_is_in_the_second_panel_and_the_prediction_in_the_third(paths, tmp_path):
    name = draw(paths, tmp_path, count=1)[0]
    assert name.startswith('s_')
    picture = cv2.imread(str(tmp_path / 'overlays' / name))[-512:]
    truth, predicted = picture[:, 512:1024], picture[:, 1024:]
    inside, outside = (100, 240), (100, 20)  # of the true lesion, which is tinted, in grey
    assert np.ptp(truth[inside].astype(int)) > 0
    assert np.ptp(truth[outside].astype(int)) == np.ptp(predicted[inside].astype(int)) == 0
    assert (truth == TRUTH_COLOUR).all(axis=2)[:200].any()
    assert not (truth == PREDICTION_COLOUR).all(axis=2).any()
    assert (predicted == PREDICTION_COLOUR).all(axis=2)[300:].any()
    assert not (predicted == TRUTH_COLOUR).all(axis=2).any()


def test_a_title_names_the_image_its_source_and_its_dice(paths, tmp_path, monkeypatch):
    """Half of the truth is predicted: Dice is 2/3."""
    titles = []

    def see(image, truth, predicted, title):
        titles.append(title)
        return image

    monkeypatch.setattr('mmseg_mammo.engine.hooks.overlay.draw_panels', see)
    loader = SimpleNamespace(dataset=Images(paths[:1]))
    runner = SimpleNamespace(log_dir=tmp_path, test_dataloader=loader)
    hook = OverlayHook()
    hook.before_test_epoch(runner)
    facts = {'img_path': paths[0], 'source': 's', 'mask_kind': 'weak'}
    sample = SegDataSample(metainfo=facts)
    sample.gt_sem_seg, sample.pred_sem_seg = mask(slice(0, 20)), mask(slice(0, 10))
    hook.after_test_iter(runner, 0, outputs=[sample, SegDataSample(metainfo=facts)])
    assert titles == ['0  s  weak  Dice 66.7 %']  # without truth there is no picture


def test_twelve_images_are_drawn_if_there_are_as_many(paths, tmp_path):
    assert len(draw(paths, tmp_path)) == 12


def test_an_image_label_has_no_truth_to_draw(paths, tmp_path):
    paths = Images(paths[:1])
    label = {'annotated': 'lesion', 'mask_kind': 'image-label'}
    pictures = []
    for folder, facts in (('with', {}), ('without', label)):
        (name,) = draw(paths, tmp_path / folder, facts)
        pictures.append(cv2.imread(str(tmp_path / folder / 'overlays' / name)))
    has_truth = [(picture == TRUTH_COLOUR).all(axis=-1).any() for picture in pictures]
    has_prediction = [(picture == PREDICTION_COLOUR).all(axis=-1).any() for picture in pictures]
    assert has_truth == [True, False]
    assert has_prediction == [True, True]
