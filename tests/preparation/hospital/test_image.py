import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_raster, write_png
from mmseg_mammo.preparation.hospital.entry import Entry
from mmseg_mammo.preparation.hospital.image import HospitalJob, PixelOptions, index_row, make_image

IMAGE = np.random.default_rng(0).integers(0, 65536, (60, 40)).astype(np.uint16)
UPPER, LOWER = np.zeros((60, 40), np.uint8), np.zeros((60, 40), np.uint8)
UPPER[5:15, 5:15] = 255
LOWER[40:50, 10:30] = 1
UPPER_HALF = np.zeros((60, 40), np.uint8)
UPPER_HALF[:36] = 255


@pytest.fixture
def make(tmp_path):
    """Write an image and its masks, make them, and return the record."""

    def make(*masks, annotated='', **options):
        paths = [tmp_path / f'm{n}.png' for n in range(len(masks))]
        for path, mask in zip(paths, masks, strict=True):
            write_png(path, mask)
        write_png(tmp_path / 'i.png', IMAGE)
        job = HospitalJob('case', tmp_path / 'i.png', tuple(paths), annotated)
        return make_image(job, tmp_path / 'out', PixelOptions(long_side=0, **options))

    return make


def test_16_bits_are_kept_and_masks_become_0_and_255(make, tmp_path):
    record = make(LOWER)
    np.testing.assert_array_equal(read_raster(tmp_path / 'out' / record['image']), IMAGE)
    np.testing.assert_array_equal(read_raster(tmp_path / 'out' / record['mask']), LOWER * 255)
    assert record['annotated'] == 'lesion'
    assert record['note'] == ''


def test_the_masks_of_one_image_are_united(make, tmp_path):
    record = make(UPPER, LOWER)
    mask = read_raster(tmp_path / 'out' / record['mask'])
    np.testing.assert_array_equal(mask > 0, (UPPER > 0) | (LOWER > 0))
    assert record['lesion_share'] == pytest.approx(300 / 2400)


@pytest.mark.parametrize(
    ('masks', 'annotated', 'expected'),
    [
        ([UPPER], '', 'lesion'),
        ([UPPER], 'lesion', 'lesion'),
        ([UPPER * 0], '', 'normal'),
        ([UPPER * 0], 'no', 'no'),
        ([], 'normal', 'normal'),
        ([], 'no', 'no'),
    ],
)
def test_the_three_states(make, tmp_path, masks, annotated, expected):
    record = make(*masks, annotated=annotated)
    assert record['annotated'] == expected
    assert bool(record['mask']) == (expected == 'lesion')
    assert (tmp_path / 'out/masks/case.png').exists() == (expected == 'lesion')


def test_a_lesion_that_nobody_outlined_has_no_mask(make, tmp_path):
    record = make(annotated='lesion')
    assert (record['annotated'], record['mask'], record['mask_share']) == ('lesion', '', '')
    assert not (tmp_path / 'out/masks/case.png').exists()


@pytest.mark.parametrize(
    ('mask', 'annotated'), [(UPPER, 'normal'), (UPPER, 'no'), (UPPER * 0, 'lesion')]
)
def test_masks_that_contradict_the_table_are_refused(make, tmp_path, mask, annotated):
    with pytest.raises(MammoError, match=rf"i\.png: annotated is '{annotated}', its masks say"):
        make(mask, annotated=annotated)
    assert not (tmp_path / 'out').exists()


def test_a_mask_of_another_scale_is_resized_and_noted(make, tmp_path):
    record = make(np.kron(UPPER, np.ones((2, 2), np.uint8)))
    np.testing.assert_array_equal(read_raster(tmp_path / 'out' / record['mask']), UPPER)
    assert record['note'] == 'm0.png resized from 120×80'


def test_a_mask_of_another_shape_is_refused_with_both_sizes(make):
    with pytest.raises(MammoError, match=r'm0\.png: the mask is 60×30.*its image 60×40'):
        make(UPPER[:, :30])


def test_a_mask_over_half_of_the_image_and_an_empty_region_are_noted(make):
    assert make(UPPER_HALF)['note'] == 'lesion covers 60% of the image; inverted mask?'
    assert make(UPPER, UPPER * 0)['note'] == 'm1.png is empty'


def test_a_mask_of_nearly_the_whole_image_is_refused(make):
    with pytest.raises(MammoError, match=r'm0\.png: its lesion covers 96% of the image.*90%'):
        make(255 - UPPER)


@pytest.mark.parametrize('inverted', [False, True])
def test_bright_air_is_noted(make, tmp_path, monkeypatch, inverted):
    breast = cv2.circle(np.zeros((60, 40), np.uint16), (0, 30), 22, 40000, -1)
    breast[30] //= 2
    monkeypatch.setitem(globals(), 'IMAGE', 65535 - breast if inverted else breast)
    note = 'its border is brighter than its middle; inverted image?'
    assert make(UPPER)['note'] == (note if inverted else '')


def test_what_was_odd_about_a_file_is_noted(tmp_path, save_dicom):
    path = save_dicom(IMAGE, PresentationLUTShape='INVERSE')
    job = HospitalJob('case', path, (), 'normal')
    note = make_image(job, tmp_path / 'out', PixelOptions())['note']
    assert note.startswith('image.dcm: Presentation LUT Shape INVERSE contradicts MONOCHROME2')


def test_lesion_values_choose_from_a_label_map(make, tmp_path):
    labels = LOWER + 2 * (UPPER // 255)
    with pytest.raises(MammoError, match='3 different values'):
        make(labels)
    record = make(labels, lesion_values=(2,))
    np.testing.assert_array_equal(read_raster(tmp_path / 'out' / record['mask']), UPPER)


@pytest.mark.parametrize('levels', [[0], [0, 255]])
def test_a_blank_image_or_a_mask_in_its_place_is_no_mammogram(tmp_path, levels):
    write_png(tmp_path / 'a.png', np.resize(np.array(levels, np.uint8), (60, 40)))
    job = HospitalJob('a', tmp_path / 'a.png', (), 'normal')
    with pytest.raises(MammoError, match=r'a\.png: at most two values'):
        make_image(job, tmp_path / 'out', PixelOptions())


@pytest.mark.parametrize(
    ('kinds', 'of_all', 'kind'),
    [
        (['', ''], 'contour', 'contour'),
        (['', ''], 'weak', 'weak'),
        (['contour', 'contour'], 'weak', 'contour'),
        (['contour', 'weak'], 'contour', 'weak'),
        (['', 'contour'], 'weak', 'weak'),
        (['contour', ''], 'phantom', 'phantom'),
    ],
)
def test_one_weak_region_makes_the_mask_weak_and_a_phantom_stays_one(make, kinds, of_all, kind):
    texts = ('row 2', 'i.png', 'i.png', None, '7', '', '', 'test', '', '', '', '')
    group = [Entry(*texts, mask_kind=kind) for kind in kinds]
    assert index_row(group, make(UPPER), of_all, 'ours').mask_kind == kind
