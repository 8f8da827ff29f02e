import unicodedata

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.hospital.names import (
    MAX_NAME_BYTES,
    MaskNames,
    alike_patients,
    find_mask_like,
    output_names,
    stem_of,
)

UID = '1.2.826.0.1.3680043.8.498.4711'


def test_output_names_are_unique_and_as_short_as_they_can_be():
    assert output_names(['x/a.dcm', 'b.png']) == ['a', 'b']
    assert output_names(['p1/1.dcm', '/p2/1.dcm']) == ['p1_1', 'p2_1']
    assert output_names(['A.png', 'x/a.png']) == ['A', 'x_a']
    assert output_names(['a.png', 'a.dcm']) == ['a.png', 'a.dcm']
    with pytest.raises(MammoError, match='one name'):
        output_names(['x/a.png', 'x_a.png', 'y/a.png'])


def test_only_known_suffixes_are_suffixes():
    names = [UID, f'{UID}.dcm', 'a.PNG', 'a.b.tiff', 'v1.2', 'IM1.IMA', 'x.img', 'x.nii']
    assert [stem_of(n) for n in names] == [UID, UID, 'a', 'a.b', 'v1.2', 'IM1', 'x', 'x.nii']


def test_letters_composed_in_two_ways_are_one_name():
    assert stem_of(unicodedata.normalize('NFD', 'Jürgen.png')) == 'Jürgen'
    assert MaskNames(['Jürgen'], '_ö').parse(stem_of('Ju\u0308rgen_o\u0308.png')) == ('Jürgen', '')


def test_long_names_keep_their_head_and_stay_apart():
    long = '/'.join(f'{n}' * 100 for n in range(4))
    names = output_names([f'{long}/a/1.png', f'{long}/b/1.png', 'ü' * 200 + '.png'])
    assert len(set(names)) == 3
    assert all(len(name.encode()) <= MAX_NAME_BYTES for name in names)
    assert names[0].startswith('0' * 100)
    assert names[2].startswith('ü' * 50)


@pytest.mark.parametrize(
    'name', ['CON', 'lpt1.a', 'a:b', 'a?', 'a\nb', ' a', 'a.', '.a', 'a\\b', 'b\udcf6r', '"', '..']
)
def test_names_that_some_file_system_refuses_are_changed_and_stay_apart(name):
    (changed, *_), others = output_names([f'{name}.png']), output_names(['a.png', 'a_b.png'])
    assert changed != name
    assert changed not in others
    assert changed.encode().decode() == changed
    assert not set(changed) & set('<>:"/\\|?*\n')
    assert changed.strip(' .') == changed


def test_ordinary_names_are_not_changed():
    names = ['benign (1)', 'P1_L-CC', 'Jürgen', 'a.b', 'console', "O'Neil, 2"]
    assert output_names([f'x/{name}.png' for name in names]) == names


def test_names_that_differ_by_capitals_or_composition_only_are_refused_by_name():
    with pytest.raises(MammoError, match=r'one name: P1\.png, p1\.png\.'):
        output_names(['P1.png', 'p1.png', 'x.png'])
    with pytest.raises(MammoError, match='one name'):
        output_names(['é.png', 'e\u0301.png'])


@pytest.mark.parametrize(
    'pair',
    [
        ('z01', 'Z01'), ('007', '7'), ('P007', 'p7'), ('A-01-2', 'A-1-02'), ('P 1', 'P1'),
        ('P1\xa0', 'P1'), ('é', 'e\u0301'), ('1234', '1234.0'), ('1234,00', '1234'),
        ("'12", '12'), ('x\u200b', 'x'), ('\uff17', '7'), ('0', '00'),
    ],
)  # fmt: skip
def test_patients_that_look_like_one_are_found(pair):
    assert alike_patients([*pair, *pair, 'other']) == [sorted(pair)]


def test_patients_that_differ_are_not():
    assert not alike_patients(['P1', 'P10', 'P100', 'Q1', '1', '10', '1.5', '1.50', 'P-1', 'P1-0'])


def test_a_mask_is_that_of_its_image_or_a_region_of_it():
    names = MaskNames(['x', 'y_1'], '_m')
    assert [names.parse(stem) for stem in ('x_m', 'x_m_0', 'x_m_12', 'y_1_m', 'y_1_m_2')] == [
        ('x', ''), ('x', '0'), ('x', '12'), ('y_1', ''), ('y_1', '2'),
    ]  # fmt: skip
    assert not any(names.parse(stem) for stem in ('x', 'x_m2', 'x_m_a', 'x_1_m', 'y_m', 'X_m'))


def test_without_a_suffix_the_numbers_of_images_are_no_regions():
    assert MaskNames(['x', 'y'], '').parse('x_1') == ('x', '1')
    assert MaskNames(['x', 'x_1'], '').parse('x_1') == ('x_1', '')
    assert MaskNames(['x', 'x_1', 'y'], '').parse('y_1') is None


def test_images_named_like_the_mask_of_another_are_found():
    odd = ['x_Mask', 'x-mask', 'mask_x', 'x_mask (1)', 'x_maskb', 'xmask', 'x_mask_left', 'x.mask2']
    assert find_mask_like(['x', 'y', *odd], '_mask') == dict.fromkeys(odd, 'x')
    assert not find_mask_like(['x', 'x_MLO', 'x_cc', 'masking', 'unmask'], '_mask')
    assert not find_mask_like(['P1', 'P1_MLO', 'P1_LM', 'P1m'], '_m')
    assert find_mask_like(['P1', 'P1_M', 'P1-m2'], '_m') == {'P1_M': 'P1', 'P1-m2': 'P1'}
    assert not find_mask_like(['P1', 'P1_mask'], '')
