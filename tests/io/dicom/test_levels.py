import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mmseg_mammo.io.dicom.levels import detector_field, display_levels

PIXELS = np.random.default_rng(0).integers(0, 4096, (24, 16)).astype(np.uint16)
PIXELS[:2] = [[0], [4095]]


def header(**tags):
    dataset = Dataset()
    dataset.BitsAllocated, dataset.BitsStored, dataset.PixelRepresentation = 16, 12, 0
    for name, value in tags.items():
        if isinstance(value, tuple):  # VR and value
            dataset.add_new(name, *value)
        else:
            setattr(dataset, name, value)
    return dataset


def shown(pixels=PIXELS, voi=True, **tags):
    return display_levels(header(**tags), pixels, 'MONOCHROME2', voi)


def lut(entries, first=0, bits=12, data=None, vr='US'):
    item = Dataset()
    item.add_new('LUTDescriptor', 'SS' if first < 0 else 'US', [len(entries) % 65536, first, bits])
    item.add_new('LUTData', vr, [int(v) for v in entries] if data is None else data)
    return Sequence([item])


WINDOW = {'WindowCenter': 2048, 'WindowWidth': 3000}


@pytest.mark.parametrize(
    'tags',
    [
        {'RescaleSlope': None, 'RescaleIntercept': None},
        {'RescaleSlope': 1, 'RescaleIntercept': None},
        {'VOILUTFunction': ''},
        {'VOILUTFunction': 'linear'},
        {'VOILUTSequence': Sequence([])},
        {'ModalityLUTSequence': Sequence([])},
        {'PresentationLUTShape': ''},
        {'WindowCenter': [2048, 9], 'WindowWidth': [3000, 9]},
        {'WindowCenter': [5, 2048], 'WindowWidth': [0, 3000]},
        {'PixelPaddingValue': ('US', None), 'PixelPaddingRangeLimit': ('US', None)},
    ],
)
def test_empty_tags_beside_a_window_change_nothing(tags):
    np.testing.assert_array_equal(shown(**{**WINDOW, **tags}), shown(**WINDOW))


def test_an_empty_lut_gives_way_to_the_window():
    item = Dataset()
    item.add_new('LUTDescriptor', 'US', None)
    item.add_new('LUTData', 'OW', None)
    for name in ('VOILUTSequence', 'ModalityLUTSequence'):
        np.testing.assert_array_equal(shown(**WINDOW, **{name: Sequence([item])}), shown(**WINDOW))


@pytest.mark.parametrize('width', [None, 0, [0, 0]])
def test_a_window_without_width_is_none(width):
    centre = [9, 9] if isinstance(width, list) else 9
    np.testing.assert_array_equal(shown(WindowCenter=centre, WindowWidth=width), PIXELS)


@pytest.mark.parametrize(
    ('tags', 'message'),
    [
        ({'WindowCenter': 9, 'WindowWidth': -4}, 'Window Width -4'),
        ({'WindowCenter': 'NaN', 'WindowWidth': 4}, 'Window Center is nan'),
        ({'WindowCenter': 9, 'WindowWidth': 4, 'VOILUTFunction': 'CUBIC'}, 'CUBIC'),
        ({'WindowCenter': 60000, 'WindowWidth': 4}, 'every pixel alike'),
        ({'RescaleSlope': 0, 'RescaleIntercept': 5}, 'Rescale Slope is 0'),
        ({'RescaleSlope': 'NaN', 'RescaleIntercept': 5}, 'Rescale Slope is nan'),
    ],
)
def test_what_no_image_can_be_made_of_is_named(tags, message):
    with pytest.raises(ValueError, match=message):
        shown(**tags)


@pytest.mark.parametrize('dtype', ['u2', 'i2'])
@pytest.mark.parametrize(
    'tags',
    [
        WINDOW,
        {**WINDOW, 'VOILUTFunction': 'SIGMOID', 'RescaleSlope': -1.5, 'RescaleIntercept': 4000},
        {'VOILUTSequence': lut(range(100, 4196), first=-5)},
        {**WINDOW, 'ModalityLUTSequence': lut(list(range(4000, 2000, -1)))},
        {**WINDOW, 'PixelPaddingValue': ('US', 4095)},
    ],
)
def test_a_table_of_the_values_gives_what_each_pixel_gives(tags, dtype):
    few = (PIXELS.astype(np.int32) - 2048 * (dtype == 'i2')).astype(dtype)
    tags = {**tags, 'PixelRepresentation': int(dtype == 'i2')}
    # Of these pixels there are fewer than values, of their repetition there are more.
    np.testing.assert_array_equal(
        shown(np.tile(few, (12, 1)), **tags), np.tile(shown(few, **tags), (12, 1))
    )


def test_no_window_is_looked_at_without_voi():
    np.testing.assert_array_equal(shown(voi=False, WindowCenter=9, WindowWidth=-4), PIXELS)


def group(**sequences):
    macros = Dataset()
    for name, tags in sequences.items():
        item = Dataset()
        for tag, value in tags.items():
            setattr(item, tag, value)
        setattr(macros, name, Sequence([item]))
    return Sequence([macros])


def test_rescale_and_window_in_functional_groups_equal_those_at_the_top():
    rescale = {'RescaleSlope': 2, 'RescaleIntercept': -50}
    window = {'WindowCenter': 3000, 'WindowWidth': 5000, 'VOILUTFunction': 'SIGMOID'}
    groups = group(PixelValueTransformationSequence=rescale, FrameVOILUTSequence=window)
    expected = shown(**rescale, **window)
    for name in ('Shared', 'PerFrame'):
        found = shown(**{f'{name}FunctionalGroupsSequence': groups})
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match=r'RescaleSlope is 3\S* and 2'):
        shown(SharedFunctionalGroupsSequence=groups, RescaleSlope=3)


@pytest.mark.parametrize('declared', [8, 10, 12, 16, 0])
@pytest.mark.parametrize('first', [0, 500])
def test_luts_use_the_bits_that_their_entries_have(declared, first):
    entries = np.linspace(0, 4095, 3000).astype(int)
    expected = shown(VOILUTSequence=lut(entries, first, 12))
    assert (expected.min(), expected.max()) == (0, 65535)
    found = shown(VOILUTSequence=lut(entries, first, declared))
    np.testing.assert_array_equal(found, expected)


def test_lut_data_may_be_words_or_bytes_however_declared():
    entries = np.arange(4096) // 16
    expected = (PIXELS // 16) * 257
    octets, words = entries.astype(np.uint8).tobytes(), entries.astype('<u2').tobytes()
    packed = np.frombuffer(octets, '<u2').tolist()
    for data, vr in ((octets, 'OW'), (words, 'OW'), (packed, 'US'), (octets + b'\0', 'OW')):
        for bits in (8, 16):
            table = lut(entries, 0, bits, data, vr)
            np.testing.assert_array_equal(shown(VOILUTSequence=table), expected)
            rescaled = shown(ModalityLUTSequence=table, voi=False)
            np.testing.assert_array_equal(rescaled, PIXELS // 16)


@pytest.mark.parametrize('count', [2000, 4000, 4095, 4097, 5000])
def test_a_lut_of_another_length_is_refused(count):
    data = np.arange(count).astype('<u2').tobytes()
    for bits in (8, 12):
        table = lut(range(4096), 0, bits, data, 'OW')
        with pytest.raises(ValueError, match=f'4096 entries, LUT Data holds {count}'):
            shown(VOILUTSequence=table)


def test_a_number_that_is_there_twice_is_one_if_both_agree():
    expected = shown(PixelPaddingValue=('US', 4095), RescaleSlope=2)
    found = shown(PixelPaddingValue=('US', [4095, 4095]), RescaleSlope=[2, 2])
    np.testing.assert_array_equal(found, expected)
    for name, value in (('PixelPaddingValue', ('US', [0, 4095])), ('RescaleSlope', [1, 2])):
        with pytest.raises(ValueError, match=f'{name} is .* and .*one number'):
            shown(**{name: value})


def test_the_first_value_of_a_lut_may_have_the_sign_of_another_type():
    entries = np.arange(4096)
    signed = PIXELS.astype(np.int16) - 2048
    np.testing.assert_array_equal(
        shown(signed, VOILUTSequence=lut(entries, -2048)),
        shown(signed, VOILUTSequence=lut(entries, 65536 - 2048)),
    )
    high = PIXELS + np.uint16(50000)
    np.testing.assert_array_equal(
        shown(high, VOILUTSequence=lut(entries, 50000 - 65536)),
        shown(high, VOILUTSequence=lut(entries, 50000)),
    )


@pytest.mark.parametrize(
    ('dtype', 'stored', 'vr', 'value', 'meant'),
    [
        (np.uint16, 12, 'US', 7, 7),
        (np.int16, 16, 'US', 63536, -2000),
        (np.int16, 12, 'US', 63536, -2000),
        (np.uint16, 16, 'SS', -1, 65535),
        (np.uint16, 12, 'SS', -1, 4095),
        (np.uint16, 12, 'US', 65535, 4095),
        (np.uint16, 12, 'US', 4096, 0),
        (np.int16, 12, 'SS', -6144, -2048),
    ],
)
def test_padding_is_understood_in_the_sign_and_depth_of_the_pixels(dtype, stored, vr, value, meant):
    pixels = np.array([[meant, 100, 200]], dtype)
    tags = {'BitsStored': stored, 'PixelRepresentation': int(dtype is np.int16)}
    dataset = header(PixelPaddingValue=(vr, value), **tags)
    np.testing.assert_array_equal(detector_field(dataset, pixels), [[False, True, True]])


def test_padding_that_no_pixel_can_have_is_none():
    assert detector_field(header(PixelPaddingValue=('SS', -2000)), PIXELS) is None


def test_the_range_limit_may_have_the_other_sign_too():
    pixels = np.array([[-2000, -1990, 100]], np.int16)
    tags = {'PixelPaddingValue': ('US', 63536), 'PixelPaddingRangeLimit': ('US', 63546)}
    dataset = header(BitsStored=16, PixelRepresentation=1, **tags)
    np.testing.assert_array_equal(detector_field(dataset, pixels), [[False, False, True]])


def test_padding_is_filled_in_a_copy():
    pixels = np.array([[0, 5, 9]], np.uint16)
    np.testing.assert_array_equal(shown(pixels, PixelPaddingValue=0), [[5, 5, 9]])
    np.testing.assert_array_equal(pixels, [[0, 5, 9]])
