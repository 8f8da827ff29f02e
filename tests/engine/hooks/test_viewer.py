import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.engine import ViewerHook
from mmseg_mammo.io.image import write_png

SHAPE = (100, 60)


class Images(list):
    """What the hook asks of a dataset."""

    def get_data_info(self, index):
        return self[index]


@pytest.fixture
def images(tmp_path):
    rows = Images()
    for name in ('a/1.png', 'a/2 x.png', 'a/2_x.png'):
        pixels = np.full(SHAPE, 1000, np.uint16)
        pixels[:50] = 3000  # of 12 bits in 16
        write_png(tmp_path / name, pixels)
        rows.append({'source': 's', 'image': name, 'img_path': str(tmp_path / name)})
    return rows


def mask(*pixels):
    data = torch.zeros(1, *SHAPE)
    for rows, columns in pixels:
        data[:, rows, columns] = 1
    return PixelData(data=data)


def save(images, folder, truth=(), predicted=(), value=1, **options):
    """Files of a test of all images."""
    runner = SimpleNamespace(log_dir=folder, test_dataloader=SimpleNamespace(dataset=images))
    hook = ViewerHook(**options)
    hook.before_test_epoch(runner)
    for row in images:
        sample = SegDataSample(metainfo=row)
        sample.gt_sem_seg, sample.pred_sem_seg = mask(*truth), mask(*predicted)
        sample.gt_sem_seg.data *= value
        hook.after_test_iter(runner, 0, outputs=[sample])
    return {path.name: path for path in (folder / 'viewer').iterdir()}


LESION = (slice(20, 40), slice(10, 30))


def test_every_image_has_three_files_on_one_small_grid(images, tmp_path):
    files = save(Images(images[:1]), tmp_path, [LESION], [LESION], long_side=50)
    assert sorted(files) == ['s_a_1.jpg', 's_a_1_predicted.png', 's_a_1_truth.png']
    pictures = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in files.values()]
    assert {picture.shape for picture in pictures} == {(50, 30)}
    truth = cv2.imread(str(files['s_a_1_truth.png']), cv2.IMREAD_UNCHANGED)
    assert truth.sum() == 255 * 10 * 10
    assert (truth[10:20, 5:15] == 255).all()


def test_grey_levels_are_stretched_from_black_to_white(images, tmp_path):
    picture = cv2.imread(str(save(images, tmp_path)['s_a_1.jpg']), cv2.IMREAD_UNCHANGED)
    assert picture.shape == SHAPE  # a small image is not enlarged
    assert picture[:45].min() > 250
    assert picture[-45:].max() < 5


def test_masks_take_one_bit_per_pixel(images, tmp_path):
    path = save(images, tmp_path, [LESION])['s_a_1_truth.png']
    header = path.read_bytes()[:33]
    width, height, depth, colour = struct.unpack('>IIBB', header[16:26])
    assert (height, width) == SHAPE
    assert (depth, colour) == (1, 0)  # grey


def test_an_empty_mask_has_no_file(images, tmp_path):
    files = save(images, tmp_path / 'a', predicted=[LESION])
    assert 's_a_1_predicted.png' in files
    assert 's_a_1_truth.png' not in files
    assert 's_a_1_predicted.png' not in save(images, tmp_path / 'b', truth=[LESION])


def test_a_lesion_of_one_pixel_does_not_vanish(images, tmp_path):
    files = save(images, tmp_path, [(31, 17)], [(77, 5), LESION], long_side=10)
    truth = cv2.imread(str(files['s_a_1_truth.png']), cv2.IMREAD_UNCHANGED)
    assert np.argwhere(truth).tolist() == [[3, 1]]
    predicted = cv2.imread(str(files['s_a_1_predicted.png']), cv2.IMREAD_UNCHANGED)
    assert predicted[7, 0] == 255


def test_images_whose_names_differ_in_odd_signs_have_files_of_their_own(images, tmp_path):
    assert len(save(images, tmp_path, [LESION], [LESION])) == 9


def test_an_image_without_truth_is_not_shown_as_normal(images, tmp_path):
    runner = SimpleNamespace(log_dir=tmp_path, test_dataloader=SimpleNamespace(dataset=images))
    hook = ViewerHook()
    hook.before_test_epoch(runner)
    sample = SegDataSample(metainfo=images[0])
    sample.pred_sem_seg = mask(LESION)
    hook.after_test_iter(runner, 0, outputs=[sample])
    assert not (tmp_path / 'viewer').exists()


def test_an_image_label_has_no_truth_to_draw(images, tmp_path):
    images[0] |= {'annotated': 'lesion', 'mask_kind': 'image-label'}
    everywhere = [(slice(None), slice(None))]
    files = save(Images(images[:1]), tmp_path, everywhere, [LESION], value=255)
    assert sorted(files) == ['s_a_1.jpg', 's_a_1_predicted.png']
