import cv2
import numpy as np
import pytest
from cbis_samples import make_case

from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.cbis_ddsm.image import ImageJob, Region, make_image

SHAPE = (100, 60)


def make_mask(rows, columns, shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[slice(*rows), slice(*columns)] = 255
    return mask


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 60000, SHAPE, dtype=np.uint16)


@pytest.fixture
def make(tmp_path, image):
    """Write the given regions, each a list of pictures or bytes, and make their image."""
    raw = tmp_path / 'raw'

    def save(folder, pictures):
        names = tuple(f'{folder}/1-{number}.png' for number, _ in enumerate(pictures))
        for name, picture in zip(names, pictures, strict=True):
            if isinstance(picture, bytes):
                write_atomic(raw / name, lambda stream, picture=picture: stream.write(picture))
            else:
                write_png(raw / name, picture)
        return names

    def run(*regions, images=(image,), long_side=0):
        cases = [make_case(abnormality_id=str(number)) for number, _ in enumerate(regions)]
        files = [save(number, pictures) for number, pictures in enumerate(regions)]
        regions = tuple(map(Region, cases, files))
        job = ImageJob('image', raw, save('full', images), regions, long_side)
        return make_image(job, tmp_path / 'out')

    return run


def read(tmp_path, name):
    return cv2.imread(str(tmp_path / 'out' / name), cv2.IMREAD_UNCHANGED)


def test_the_mask_is_the_union_of_all_regions_and_the_image_keeps_16_bits(tmp_path, make, image):
    first, second = make_mask((10, 20), (5, 15)), make_mask((15, 40), (10, 30))
    record = make([first, image[5:25, :20]], [image[:50, :40], second])
    np.testing.assert_array_equal(read(tmp_path, record['mask']), first | second)
    np.testing.assert_array_equal(read(tmp_path, record['image']), image)
    assert [r['mask_file'] for r in record['regions']] == ['0/1-0.png', '1/1-1.png']
    assert [r['crop_file'] for r in record['regions']] == ['0/1-1.png', '1/1-0.png']
    assert (record['original_height'], record['original_width']) == SHAPE


def test_a_mask_of_another_resolution_lands_on_its_place(tmp_path, make):
    record = make([make_mask((20, 40), (10, 30), (87, 52))])
    assert record['regions'][0]['repairs'] == 'uniform scale'
    assert record['regions'][0]['detail'] == 'mask 87×52, image 100×60'
    rows, columns = np.nonzero(read(tmp_path, record['mask']))
    # 20 / 0.87 = 23.0, 40 / 0.87 = 46.0; columns 10 × 60 / 52 = 11.5, 30 × 60 / 52 = 34.6
    assert (rows.min(), rows.max() + 1) == (23, 46)
    assert (columns.min(), columns.max() + 1) == pytest.approx((11.5, 34.6), abs=1)


def test_shrinking_keeps_the_original_size_on_record(tmp_path, make):
    record = make([make_mask((10, 30), (10, 30))], long_side=50)
    assert read(tmp_path, record['image']).shape == (50, 30)
    np.testing.assert_array_equal(
        read(tmp_path, record['mask']), make_mask((5, 15), (5, 15), (50, 30))
    )
    assert (record['original_height'], record['original_width']) == SHAPE


@pytest.mark.parametrize(
    'pictures, reason',
    [
        ([], 'mask missing'),
        ([np.full((20, 20), 1000, np.uint16)], 'mask missing'),
        ([np.zeros(SHAPE, np.uint8)], 'empty mask'),
        ([np.full(SHAPE, 255, np.uint8)], 'empty mask'),
        ([b'\x89PNG cut short'], 'mask unreadable'),
        ([make_mask((5, 9), (5, 9)), make_mask((50, 60), (5, 9))], 'undecided'),
    ],
)
def test_an_image_with_an_unresolved_region_is_not_written(tmp_path, make, pictures, reason):
    record = make([make_mask((10, 20), (5, 15))], pictures)
    assert [region['reason'] for region in record['regions']] == ['', reason]
    assert 'error' in record
    assert not (tmp_path / 'out').exists()


def test_an_unreadable_crop_does_no_harm(make):
    record = make([b'', make_mask((10, 20), (5, 15))])
    assert record['regions'][0]['reason'] == ''


def test_the_largest_file_of_the_image_series_is_the_image(tmp_path, make, image):
    record = make([make_mask((10, 20), (5, 15))], images=(image[:50, :30], image, image[:9, :9]))
    np.testing.assert_array_equal(read(tmp_path, record['image']), image)
    assert record['image_file'] == 'full/1-1.png'


@pytest.mark.parametrize(
    'images, reason', [((), 'image missing'), ((b'\x89PNG cut short',), 'image unreadable')]
)
def test_every_region_of_an_image_that_is_not_there_says_so(make, images, reason):
    mask = make_mask((10, 20), (5, 15))
    record = make([mask], [mask], images=images)
    assert [region['reason'] for region in record['regions']] == [reason, reason]


def test_a_mask_that_covers_most_of_its_image_is_noted_and_an_inverted_one_left_out(make):
    large = make_mask((0, 80), (0, 50))
    record = make([large])
    assert record['regions'][0]['note'] == 'lesion covers 67% of the image; inverted mask?'
    assert make([make_mask((10, 20), (5, 15))])['regions'][0]['note'] == ''
    record = make([255 - make_mask((10, 20), (5, 15))])
    assert record['regions'][0]['reason'] == 'inverted mask'
    assert 'covers 98% of the image' in record['regions'][0]['detail']


def test_one_mask_of_two_regions_is_noted(make):
    mask = make_mask((10, 20), (5, 15))
    record = make([mask], [mask], [make_mask((30, 40), (5, 15))])
    notes = [region['note'] for region in record['regions']]
    assert notes == ['', 'the same mask as Mass-Training_P_00001_LEFT_CC_0', '']


def test_a_blank_image_is_none(make):
    record = make([make_mask((10, 20), (5, 15))], images=[np.zeros(SHAPE, np.uint16)])
    assert record['regions'][0]['reason'] == 'blank image'


def test_an_image_with_bright_air_is_noted(make, image):
    air = np.full(SHAPE, 60000, np.uint16)
    cv2.circle(air, (0, 50), 40, 20000, -1)
    air[50] //= 2
    mask = make_mask((10, 30), (10, 30))
    assert [make([mask], images=(one,))['regions'][0]['note'] for one in (image, air)] == [
        '',
        'its border is brighter than its middle; inverted image?',
    ]
