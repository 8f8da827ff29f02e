"""Where the files of a download lie."""

import string
from dataclasses import asdict, fields

import numpy as np
import pytest

from mmseg_mammo.phantoms.cbis_cases import CaseRow
from mmseg_mammo.phantoms.cbis_layouts import CROP, FULL, LAYOUTS, MASK, Slot, find_slots

STUDY, SERIES = '1.3.6.1.4.1.9590.100.1.2.33333', '1.3.6.1.4.1.9590.100.1.2.44444'


def case_of(number=1, kind='mass', mask_second=True, split=False):
    """An abnormality whose table says that its mask is the second file, or the first."""
    image = f'Mass-Test_P_{number:05d}_LEFT_CC'
    roi = f'{image}_1/{STUDY}/{SERIES}'
    names = ('000001.dcm', '000000.dcm') if mask_second else ('000000.dcm', '000001.dcm')
    mask, crop = (f'{roi}/{name}' for name in names)
    if split:
        mask, crop = (f'{image}_1/{STUDY}/{SERIES[:-5]}{end}/000000.dcm' for end in (55555, 66666))
    path = f'{image}/{STUDY[:-5]}11111/{SERIES[:-5]}22222/000000.dcm'
    facts = ('mass-test', f'P_{number:05d}', 'LEFT', 'CC', kind, 'benign', 2)
    return CaseRow(*facts, path, crop, mask)


def slots_of(case, planted='', against_csv=False, table=None, seed=0):
    generator = np.random.default_rng(seed)
    return find_slots(generator, [case], table, {case.name: planted}, against_csv)[case.name]


def test_layouts_name_what_a_slot_has_and_no_two_of_them_are_alike():
    known = {field.name for field in fields(Slot)} | {'folder', 'zero', 'sop_uid', 'serial'}
    for layout in LAYOUTS.values():
        assert {name for _, name, _, _ in string.Formatter().parse(layout) if name} <= known
    assert (FULL, MASK, CROP) == ('full mammogram images', 'ROI mask images', 'cropped images')
    slot = Slot(STUDY, SERIES, 2, MASK, '07-21-2016', '33333', '44444')
    more = dict(folder='F', zero=1, sop_uid='1.9', serial=7)
    paths = {name: layout.format(**asdict(slot), **more) for name, layout in LAYOUTS.items()}
    assert paths == {
        'L1': f'CBIS-DDSM/F/07-21-2016-DDSM-33333/1-{MASK}-44444/000001.dcm',
        'L2': f'CBIS-DDSM/F/07-21-2016-DDSM-33333/1.000000-{MASK}-44444/1-2.dcm',
        'L3': f'CBIS-DDSM/F/07-21-2016-DDSM-NA-33333/1.000000-{MASK}-44444/1-2.dcm',
        'L4': f'CBIS-DDSM/F/{STUDY}/{SERIES}/000001.dcm',
        'L5': f'dicom/{STUDY}/{SERIES}/1.9.dcm',
        'L6': f'jpeg/{SERIES}/2-007.jpg',
    }


@pytest.mark.parametrize('kind', ['mass', 'calcification'])
def test_an_image_is_alone_and_mask_and_crop_share_a_series(kind):
    image, mask, crop = slots_of(case_of(kind=kind))
    assert image == Slot(
        f'{STUDY[:-5]}11111', f'{SERIES[:-5]}22222', 1, FULL, '07-20-2016', '11111', '22222'
    )
    assert (mask.study_uid, mask.series_uid) == (crop.study_uid, crop.series_uid) == (STUDY, SERIES)
    assert {mask.number, crop.number} == {1, 2}
    assert mask.name == crop.name == MASK  # folders are named after the first file of a series
    assert mask.date == crop.date == '07-21-2016'


@pytest.mark.parametrize(('kind', 'share'), [('mass', 0.63), ('calcification', 1.0)])
def test_masks_are_second_as_often_as_in_the_real_download(kind, share):
    cases = [case_of(number, kind) for number in range(2000)]
    found = find_slots(np.random.default_rng(0), cases, None, {}, False)
    assert np.mean([mask.number == 2 for _, mask, _ in found.values()]) == pytest.approx(
        share, abs=0.04
    )


@pytest.mark.parametrize('mask_second', [True, False])
def test_against_the_table_is_where_it_does_not_say(mask_second):
    for seed in range(5):
        _, mask, crop = slots_of(case_of(mask_second=mask_second), against_csv=True, seed=seed)
        assert (mask.number, crop.number) == ((1, 2) if mask_second else (2, 1))


def test_two_series_hold_a_file_each_and_swapped_ones_change_places():
    _, mask, crop = slots_of(case_of(split=True))
    assert [(slot.series5, slot.number, slot.name) for slot in (mask, crop)] == [
        ('55555', 1, MASK),
        ('66666', 1, CROP),
    ]
    _, swapped, other = slots_of(case_of(split=True), planted='swapped')
    assert (swapped.series5, other.series5) == ('66666', '55555')
    assert (swapped.name, other.name) == (MASK, CROP)


@pytest.fixture
def table(tmp_path):
    """A map that says where a mask and an image really are."""

    def table(case, series, file='1-2.dcm', image=''):
        path = tmp_path / 'map.csv'
        folder = f'{case.name}/09-06-2017-DDSM-12345/1.000000-{series}'
        header = 'abnormality,real_mask_dir,real_mask_file,real_image'
        path.write_text(f'{header}\n{case.name},{folder},{file},{image}\n')
        return path

    return table


@pytest.mark.parametrize('file', ['1-1.dcm', '1-2.dcm'])
def test_a_map_says_which_file_is_the_mask_and_how_its_folder_is_called(file, table):
    case = case_of()
    image = f'{case.mask_path[:25]}/10-04-2016-DDSM-98765/1.000000-full-image-43210/1-1.dcm'
    for seed in range(4):  # nothing is drawn
        found = slots_of(case, table=table(case, 'cropped images-77777', file, image), seed=seed)
        real, mask, crop = found
        assert (mask.number, crop.number) == ((1, 2) if file == '1-1.dcm' else (2, 1))
        assert (mask.date, mask.study5) == ('09-06-2017', '12345')
        assert (mask.name, mask.series5) == (crop.name, crop.series5) == ('cropped images', '77777')
        assert (real.date, real.study5) == ('10-04-2016', '98765')
        assert (real.name, real.series5) == ('full-image', '43210')


@pytest.mark.parametrize(('end', 'crosswise'), [('55555', False), ('66666', True)])
def test_a_map_tells_that_a_table_names_mask_and_crop_crosswise(end, crosswise, table):
    case = case_of(split=True)
    _, mask, crop = slots_of(case, table=table(case, f'ROI-{end}'))
    named = [case.mask_path, case.crop_path]
    expected = [path.split('/')[2] for path in (named[::-1] if crosswise else named)]
    assert [mask.series_uid, crop.series_uid] == expected
