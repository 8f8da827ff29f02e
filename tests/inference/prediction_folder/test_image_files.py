"""The files of one image in a prediction folder."""

import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.inference.prediction import describe
from mmseg_mammo.inference.prediction_folder.image_files import (
    Outputs,
    remove_image,
    write_image,
    write_seg,
)
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.io.image import read_image, read_labels, read_picture


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 60000, (1200, 600)).astype(np.uint16)


def prediction(empty=False):
    probability = np.linspace(0, 1, 1200 * 600, dtype=np.float32).reshape(1200, 600)
    return describe(probability, probability > (1 if empty else 0.5), 0.5)


def files(out):
    return sorted(path.relative_to(out).as_posix() for path in out.rglob('*') if path.is_file())


def test_masks_are_on_the_grid_of_the_image_and_pictures_are_small(image, tmp_path):
    found = prediction()
    name = write_image(tmp_path, 'a', image, found, Outputs(probabilities=True))
    assert name == 'masks/a.png'
    np.testing.assert_array_equal(read_labels(tmp_path / name), found.mask * np.uint8(255))
    levels = cv2.imread(str(tmp_path / 'probabilities' / 'a.png'), cv2.IMREAD_UNCHANGED)
    assert levels.dtype == np.uint16
    assert np.abs(levels / 65535 - found.probability).max() <= 0.5 / 65535 + 1e-7
    assert (levels.min(), levels.max()) == (0, 65535)
    shapes = {'overlays/a.jpg': (1024, 512, 3), 'viewer/a.jpg': (384, 192, 3)}
    assert {n: read_picture(tmp_path / n).shape for n in shapes} == shapes
    small = read_labels(tmp_path / 'viewer' / 'a_predicted.png') > 0
    assert small.shape == (384, 192)
    assert (small[10:180].any(), small[200:].all()) == (False, True)


def test_nothing_of_an_earlier_run_stays(image, tmp_path):
    write_image(tmp_path, 'a', image, prediction(), Outputs())
    write_image(tmp_path, 'b', image, prediction(), Outputs())
    write_image(tmp_path, 'a', image, prediction(empty=True), Outputs())
    assert 'viewer/a_predicted.png' not in files(tmp_path)
    assert not read_labels(tmp_path / 'masks' / 'a.png').any()
    remove_image(tmp_path, 'b')
    assert files(tmp_path) == ['masks/a.png', 'overlays/a.jpg', 'viewer/a.jpg']


def test_a_seg_is_made_of_dicom_alone_and_where_something_is_marked(save_dicom, tmp_path):
    pytest.importorskip('highdicom')
    from pydicom.uid import generate_uid

    pixels = np.random.default_rng(0).integers(0, 4096, (1200, 600)).astype(np.uint16)
    study = dict(StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid())
    path = save_dicom(pixels, BitsStored=12, Modality='MG', **study)
    source, out = Input('a.dcm', path, 'a'), tmp_path / 'out'
    write_seg(out, source, prediction(), Outputs())
    write_seg(
        out, Input('a.png', tmp_path / 'a.png', 'a'), prediction(), Outputs(segmentations=True)
    )
    write_seg(out, source, prediction(empty=True), Outputs(segmentations=True, model='m'))
    assert files(out) == []
    write_seg(
        out,
        source,
        prediction(empty=True),
        Outputs(segmentations=True, empty_segmentations=True, model='m'),
    )
    assert files(out) == ['segmentations/a.dcm']
    write_seg(out, source, prediction(), Outputs(segmentations=True, model='m', serial='0' * 16))
    from mmseg_mammo.io.dicom.segmentation import read_segmentation

    (mask,) = read_segmentation(out / 'segmentations' / 'a.dcm').values()
    np.testing.assert_array_equal(mask, prediction().mask)
    assert read_image(path).shape == mask.shape


def test_a_seg_of_an_earlier_run_does_not_stay_where_none_can_be_made_now(save_dicom, tmp_path):
    """The file at a place has changed: its series is gone, or it is no DICOM any more."""
    pytest.importorskip('highdicom')
    pixels = np.zeros((1200, 600), np.uint16)
    bare = Input('a.dcm', save_dicom(pixels, Modality='MG'), 'a')
    picture = Input('a.png', tmp_path / 'a.png', 'a')
    earlier = tmp_path / 'out' / 'segmentations' / 'a.dcm'
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    write_seg(tmp_path / 'out', picture, prediction(), Outputs())
    assert earlier.exists()
    write_seg(tmp_path / 'out', picture, prediction(), Outputs(segmentations=True))
    assert not earlier.exists()
    earlier.touch()
    with pytest.raises(DataFileError, match='no SeriesInstanceUID'):
        write_seg(tmp_path / 'out', bare, prediction(), Outputs(segmentations=True, model='m'))
    assert not earlier.exists()
