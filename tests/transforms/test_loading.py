import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.transforms import LoadLesionMask, LoadMammogram, ReadMammogram


def results(tmp_path, mask, annotated='lesion', shape=(10, 8)):
    if mask is not None:
        write_png(tmp_path / 'mask.png', mask)
    return {
        'img_path': str(tmp_path / 'image.png'),
        'seg_map_path': str(tmp_path / 'mask.png') if mask is not None else None,
        'annotated': annotated,
        'ori_shape': shape,
        'seg_fields': [],
    }


def test_16_bit_images_keep_their_values(tmp_path):
    image = np.arange(80, dtype=np.uint16).reshape(10, 8) * 700
    write_png(tmp_path / 'image.png', image)
    loaded = LoadMammogram(intensity='stored')({'img_path': str(tmp_path / 'image.png')})
    assert loaded['img'].dtype == np.uint16
    assert loaded['img_shape'] == loaded['ori_shape'] == (10, 8)
    for channel in range(3):
        np.testing.assert_array_equal(loaded['img'][..., channel], image)


def test_reading_alone_changes_no_level(tmp_path):
    image = np.arange(80, dtype=np.uint16).reshape(10, 8) * 3 + 7
    write_png(tmp_path / 'image.png', image)
    read = ReadMammogram()({'img_path': str(tmp_path / 'image.png')})
    assert read['img'].dtype == np.uint16
    np.testing.assert_array_equal(read['img'], np.dstack([image] * 3))
    assert read['img_shape'] == read['ori_shape'] == (10, 8)
    assert 'grey_levels' not in read


@pytest.mark.parametrize('kind', [ReadMammogram, LoadMammogram])
def test_the_window_of_a_dicom_file_may_be_left_out(kind, save_dicom):
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20) * 10
    path = str(save_dicom(pixels, BitsStored=12, WindowCenter=2000, WindowWidth=400))
    settings = {'intensity': 'stored'} if kind is LoadMammogram else {}
    plain = kind(voi=False, **settings)({'img_path': path})['img'][..., 0]
    windowed = kind(**settings)({'img_path': path})['img'][..., 0]
    assert len(np.unique(plain)) == 400
    assert len(np.unique(windowed)) < 60


def test_an_unknown_intensity_is_refused():
    with pytest.raises(ValueError, match=r"'window'.*stored, minmax, percentile"):
        LoadMammogram(intensity='window')


@pytest.mark.parametrize(('value', 'dtype'), [(1, 'u1'), (2, 'u1'), (255, 'u1'), (65280, 'u2')])
def test_whatever_marks_lesion_becomes_one(tmp_path, value, dtype):
    mask = np.zeros((10, 8), dtype)
    mask[2:5, 3:6] = value
    loaded = LoadLesionMask()(results(tmp_path, mask))
    assert loaded['gt_seg_map'].dtype == np.uint8
    assert loaded['seg_fields'] == ['gt_seg_map']
    np.testing.assert_array_equal(loaded['gt_seg_map'], mask > 0)


def test_a_normal_image_gets_an_empty_mask(tmp_path):
    loaded = LoadLesionMask()(results(tmp_path, None, annotated='normal'))
    assert loaded['gt_seg_map'].shape == (10, 8)
    assert not loaded['gt_seg_map'].any()


def test_an_image_label_alone_gets_a_mask_that_losses_ignore(tmp_path):
    loaded = LoadLesionMask()(results(tmp_path, None) | {'mask_kind': 'image-label'})
    assert loaded['gt_seg_map'].shape == (10, 8)
    assert loaded['gt_seg_map'].dtype == np.uint8
    assert (loaded['gt_seg_map'] == 255).all()
    assert loaded['seg_fields'] == ['gt_seg_map']


def test_an_image_that_nobody_annotated_is_no_normal_image(tmp_path):
    with pytest.raises(
        DataFileError, match=r'image\.png: nobody annotated.*annotated_only=True.*mammoseg predict'
    ):
        LoadLesionMask()(results(tmp_path, None, annotated='no'))


def test_an_empty_mask_of_a_lesion_image_is_refused(tmp_path):
    with pytest.raises(DataFileError, match=r'mask\.png: no lesion pixel.*annotated=normal'):
        LoadLesionMask()(results(tmp_path, np.zeros((10, 8), np.uint8)))


def test_a_mask_of_another_shape_names_both_files(tmp_path):
    mask = np.eye(8, dtype=np.uint8)
    with pytest.raises(DataFileError, match=r'mask\.png: shape \(8, 8\).*image\.png.*\(10, 8\)'):
        LoadLesionMask()(results(tmp_path, mask))


def test_several_classes_are_refused(tmp_path):
    mask = np.repeat(np.arange(4, dtype=np.uint8), 20).reshape(10, 8)
    with pytest.raises(DataFileError, match='different values'):
        LoadLesionMask()(results(tmp_path, mask))
