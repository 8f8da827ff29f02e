import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io import image
from mmseg_mammo.io.image import (
    image_suffix,
    map_intensity,
    read_image,
    read_labels,
    read_picture,
    read_raster,
    rescale_to_255,
    resize_image,
    resize_mask,
    scale_to_long_side,
    write_png,
)

NOISE = np.random.default_rng(0).integers(0, 65536, (40, 30)).astype(np.uint16)


def save(path, pixels, *options):
    path.write_bytes(cv2.imencode(path.suffix, pixels, options)[1].tobytes())
    return path


def test_16_bit_png_comes_back_to_the_bit(tmp_path):
    write_png(tmp_path / 'a.png', NOISE)
    read = read_raster(tmp_path / 'a.png')
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, NOISE)


def test_other_dtypes_are_not_written(tmp_path):
    with pytest.raises(DataFileError, match=r'a\.png.*float32.*uint8, uint16'):
        write_png(tmp_path / 'a.png', NOISE.astype(np.float32))


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.pgm'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_lossless_formats_keep_every_level(tmp_path, suffix, dtype):
    pixels = (NOISE % 256).astype(dtype) if dtype == np.uint8 else NOISE
    read = read_raster(save(tmp_path / f'a{suffix}', pixels))
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)


def test_12_bit_pgm_keeps_its_levels(tmp_path):
    path = tmp_path / 'a.pgm'
    path.write_bytes(b'P5\n2 1\n4095\n' + np.array([1, 4095], '>u2').tobytes())
    np.testing.assert_array_equal(read_raster(path), [[1, 4095]])


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tif', '.pgm'])
def test_a_file_cut_at_any_place_names_itself(tmp_path, suffix):
    path = save(tmp_path / f'cut{suffix}', (NOISE >> 8).astype(np.uint8))
    whole = path.read_bytes()
    # The last four bytes of a TIFF only say that no second picture follows.
    for size in np.linspace(0, len(whole) - 5, 40).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(DataFileError, match=rf'cut\{suffix}: not a readable image.*Copy'):
            read_raster(path)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_a_decoder_that_fills_lost_rows_is_not_believed(tmp_path, monkeypatch, suffix):
    grey = (NOISE >> 8).astype(np.uint8)
    path = save(tmp_path / f'a{suffix}', grey)
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: grey)  # as some releases of OpenCV do
    np.testing.assert_array_equal(read_raster(path), grey)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataFileError, match='not a readable image'):
        read_raster(path)


def test_a_png_with_one_changed_byte_is_refused(tmp_path):
    path = save(tmp_path / 'a.png', NOISE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataFileError, match=r'a\.png'):
        read_raster(path)


def test_the_ending_of_an_image_is_told_from_the_rest_of_its_name(monkeypatch):
    names = {'P1_LCC.PNG': '.PNG', 'a.b/1.2.840': '', 'a.dcm/x': '', 'x.y.tif': '.tif', 'png': ''}
    assert {name: image_suffix(name) for name in names} == names
    assert image_suffix('.png') == ''  # a hidden file without an ending
    monkeypatch.setattr(image, 'SUFFIXES', (*image.SUFFIXES, '.gz', '.nii.gz'))
    assert image_suffix('scans/P1.nii.GZ') == '.nii.GZ'


def test_a_missing_file_names_itself(tmp_path):
    with pytest.raises(DataFileError, match=r'absent\.png.*No such file.*Check the path'):
        read_raster(tmp_path / 'absent.png')


def test_grey_levels_stored_as_colour_are_read_and_colours_refused(tmp_path):
    grey = (NOISE >> 8).astype(np.uint8)
    path = save(tmp_path / 'grey.png', np.dstack([grey] * 3))
    np.testing.assert_array_equal(read_raster(path), grey)
    path = save(tmp_path / 'red.png', np.dstack([grey, grey, 255 - grey]))
    with pytest.raises(DataFileError, match=r'red\.png.*colour'):
        read_raster(path)


def test_read_image_takes_dicom_and_raster_files(save_dicom, tmp_path):
    window = {'WindowCenter': 30000, 'WindowWidth': 9}
    np.testing.assert_array_equal(read_image(save_dicom(NOISE, **window), voi=False), NOISE)
    np.testing.assert_array_equal(read_image(save(tmp_path / 'a.png', NOISE)), NOISE)
    np.testing.assert_array_equal(read_image(str(tmp_path / 'a.png')), NOISE)


@pytest.mark.parametrize(
    ('shape', 'long_side', 'expected'),
    [
        ((4000, 3000), 2000, (2000, 1500)),
        ((3000, 4000), 2000, (1500, 2000)),
        ((100, 50), 200, (100, 50)),
        ((4000, 3000), 0, (4000, 3000)),
        ((4000, 1), 8, (8, 1)),
    ],
)
def test_the_long_side_is_shrunk_and_never_grown(shape, long_side, expected):
    assert scale_to_long_side(shape, long_side) == expected


def test_a_negative_long_side_is_refused():
    with pytest.raises(DataFileError, match=r'-1.*full resolution'):
        scale_to_long_side((4, 4), -1)


def test_images_shrink_by_area_average_in_their_own_depth():
    image = np.array([[0, 100, 9, 9], [200, 300, 9, 9]], np.uint16)
    shrunk = resize_image(image, (1, 2))
    assert shrunk.dtype == np.uint16
    np.testing.assert_array_equal(shrunk, [[150, 9]])


def test_masks_stay_binary_and_keep_their_place():
    mask = np.zeros((90, 60), bool)
    mask[30:60, 15:45] = True
    shrunk = resize_mask(mask, (30, 20))
    assert shrunk.dtype == bool
    expected = np.zeros((30, 20), bool)
    expected[10:20, 5:15] = True
    np.testing.assert_array_equal(shrunk, expected)


@pytest.mark.parametrize('offset', range(8))
def test_no_lesion_vanishes_beside_a_large_one(offset):
    mask = np.zeros((256, 128), np.uint8)
    mask[10:90, 10:90] = 255
    mask[200 + offset, 40 + offset] = 255
    shrunk = resize_mask(mask, (32, 16))
    assert shrunk[(200 + offset) // 8, (40 + offset) // 8] == 255
    assert set(np.unique(shrunk)) == {0, 255}
    assert cv2.connectedComponents(shrunk)[0] == 3


@pytest.mark.parametrize('shape', [(100, 60), (97, 61), (129, 300)])
def test_a_rescued_lesion_marks_the_pixel_that_its_centre_falls_into(shape):
    rng = np.random.default_rng(0)
    rescued = 0
    for row, column in zip(rng.integers(0, 200, 60), rng.integers(0, 400, 60), strict=True):
        mask = np.zeros((200, 400), bool)
        mask[row, column] = True
        centre = int((row + 0.5) * shape[0] / 200), int((column + 0.5) * shape[1] / 400)
        plain = cv2.resize(
            mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT
        )
        if not plain.any():
            rescued += 1
            np.testing.assert_array_equal(np.argwhere(resize_mask(mask, shape)), [centre])
    assert rescued > 20


def test_a_mask_with_the_header_of_its_image_is_read_as_stored(save_dicom):
    mask = np.zeros((40, 30), np.uint16)
    mask[5:9, 3:7] = 1
    tags = {'PhotometricInterpretation': 'MONOCHROME1', 'PixelPaddingValue': 0}
    np.testing.assert_array_equal(read_labels(save_dicom(mask, **tags)), mask)


def test_an_empty_mask_stays_empty():
    assert not resize_mask(np.zeros((64, 64), bool), (7, 9)).any()


def test_minmax_fills_the_range_of_12_bit_values():
    mapped = map_intensity(np.array([[100, 2148, 4196]], np.uint16), 'minmax')
    np.testing.assert_array_equal(mapped, [[0, 32768, 65535]])


@pytest.mark.parametrize('intensity', ['minmax', 'percentile'])
@pytest.mark.parametrize('dtype', ['u1', 'u2'])
def test_each_level_is_mapped_by_the_percentiles_of_the_image(intensity, dtype):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(0).integers(top // 5, top - top // 7, (40, 30)).astype(dtype)
    low, high = np.percentile(image, (0, 100) if intensity == 'minmax' else (1, 99))
    expected = (image.astype(float) - low) * (top / (high - low))
    np.testing.assert_allclose(map_intensity(image, intensity), expected.clip(0, top), atol=0.51)


def test_percentiles_do_not_let_a_label_set_the_scale():
    image = np.full((100, 100), 1000, np.uint16)
    image[:50] = 2000
    image[0, :5] = 65535
    mapped = map_intensity(image, 'percentile', (1, 99))
    assert mapped[0, 0] == mapped[20, 0] == 65535
    assert mapped[80, 0] == 0


def test_a_constant_image_does_not_divide_by_zero():
    assert (map_intensity(np.full((4, 4), 9, np.uint8), 'minmax') == 0).all()


@pytest.mark.parametrize(
    ('intensity', 'step', 'dtype'),
    [
        ('stored', 257, 'u1'),
        *(('stored', step, 'u2') for step in (256, 1)),
        *((name, step, 'u1') for name in ('minmax', 'percentile') for step in (257, 256, 1)),
        ('minmax', 258, 'u2'),
        ('minmax', 100, 'u2'),
    ],
)
def test_8_bits_stored_in_16_are_8_bits_and_no_other_image_is(intensity, step, dtype):
    levels = np.random.default_rng(0).integers(30, 220, (40, 30)).astype(np.uint8)
    stored = levels.astype(np.uint16) * step
    mapped = map_intensity(stored, intensity)
    assert mapped.dtype == dtype
    if dtype == 'u1':
        assert (mapped == map_intensity(levels, intensity)).all()
    stored[0, 0] += step // 2 or 256
    assert map_intensity(stored, intensity).dtype == np.uint16


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_the_full_range_becomes_0_to_255(dtype):
    top = np.iinfo(dtype).max
    scaled = rescale_to_255(np.array([0, top // 5, top], dtype))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [0, 51, 255], rtol=1e-6)


def test_a_picture_keeps_its_colours(tmp_path):
    colours = np.stack([NOISE % 256, NOISE % 7, NOISE % 91], axis=2).astype(np.uint8)
    write_png(tmp_path / 'a.png', colours)
    np.testing.assert_array_equal(read_picture(tmp_path / 'a.png'), colours)
    (tmp_path / 'b.png').write_bytes(b'no picture')
    for name in ('b.png', 'absent.png'):
        with pytest.raises(DataFileError, match=rf'{name}: missing, or not a picture'):
            read_picture(tmp_path / name)


def plain_mapping(levels, intensity, percentiles):
    """By ``np.percentile``, as before levels were counted."""
    levels = image.true_depth(levels)
    ends = np.array([levels.min(), levels.max()])
    values, bounds = (ends, (0, 100)) if intensity == 'minmax' else (levels, percentiles)
    low, high = np.percentile(values, bounds)
    top = np.iinfo(levels.dtype).max
    table = np.arange(int(ends[1]) + 1).astype(np.float32)
    scaled = (table - low) * (top / max(high - low, 1.0))
    return np.rint(scaled).clip(0, top).astype(levels.dtype)[levels]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('intensity', ['minmax', 'percentile'])
def test_counting_levels_changes_no_bit_of_a_mapping(intensity, dtype):
    rng = np.random.default_rng(0)
    for _ in range(40):
        low, high = sorted(rng.integers(0, np.iinfo(dtype).max, 2))
        levels = rng.integers(low, high, (31, 45), dtype, endpoint=True)
        bounds = tuple(np.sort(rng.uniform(0, 100, 2)))
        found = image.map_intensity(levels, intensity, bounds)
        assert np.array_equal(found, plain_mapping(levels, intensity, bounds))
