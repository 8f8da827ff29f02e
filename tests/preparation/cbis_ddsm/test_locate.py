import pytest
from cbis_samples import make_case, uid

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.preparation.cbis_ddsm.locate import scan

CASE = make_case('Mass-Test_P_00016_LEFT_CC', image=1, mask=2, crop=3)
STUDY = uid(1002)
# layout -> (files of the full image, files of mask and crop)
LAYOUTS = {
    'L1': (
        ['CBIS-DDSM/{full}/10-04-2016-DDSM-01001/1-full mammogram images-00001/000000.dcm'],
        [
            'CBIS-DDSM/{roi}/10-04-2016-DDSM-01002/1-ROI mask images-00002/000000.dcm',
            'CBIS-DDSM/{roi}/10-04-2016-DDSM-01003/1-cropped images-00003/000000.dcm',
        ],
    ),
    'L2': (
        ['{full}/07-20-2016-DDSM-01001/1.000000-full mammogram images-00001/1-1.dcm'],
        ['{roi}/07-20-2016-DDSM-01002/1.000000-ROI mask images-00002/1-1.dcm'],
    ),
    'L3': (
        ['{full}/07-20-2016-DDSM-NA-01001/1.000000-full mammogram images-00001/1-1.dcm'],
        ['{roi}/07-20-2016-DDSM-NA-01002/1.000000-ROI mask images-00002/1-1.dcm'],
    ),
    'L4': (
        [f'{{full}}/{uid(1001)}/{uid(1)}/1-1.dcm'],
        [f'{{roi}}/{uid(1002)}/{uid(2)}/1-1.dcm', f'{{roi}}/{uid(1003)}/{uid(3)}/1-1.dcm'],
    ),
    'L5': (
        [f'dicom/{uid(1001)}/{uid(1)}/{uid(9)}.dcm'],
        [f'dicom/{uid(1002)}/{uid(2)}/{uid(8)}.dcm', f'dicom/{uid(1003)}/{uid(3)}/{uid(7)}.dcm'],
    ),
    'L6': (
        [f'jpeg/{uid(1)}/1-008.jpg'],
        [f'jpeg/{uid(2)}/1-010.jpg', f'jpeg/{uid(3)}/1-032.jpg'],
    ),
}


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def find(root):
    tree = scan(root)
    roi = tree.find([CASE.mask_series, CASE.crop_series], CASE.name)
    return tree, tree.find([CASE.image_series], CASE.image_name), roi


@pytest.mark.parametrize('layout', LAYOUTS)
def test_both_series_of_a_region_are_found_in_every_layout(tmp_path, layout):
    full, roi = (
        [path.format(full=CASE.image_name, roi=CASE.name) for path in paths]
        for paths in LAYOUTS[layout]
    )
    other = f'Mass-Test_P_00016_LEFT_CC_11/{uid(1011)}/{uid(11)}/1-1.dcm'
    touch(tmp_path, *full, *roi, other)
    tree, found_full, found_roi = find(tmp_path)
    assert found_full == full
    assert sorted(found_roi) == sorted(roi)
    assert tree.layouts.most_common(1)[0][0].startswith(layout)


@pytest.mark.parametrize('location', ['./CBIS-DDSM/a/b-00002', '.\\CBIS-DDSM\\a\\b-00002'])
def test_metadata_finds_a_series_whose_folders_were_renamed(tmp_path, location):
    touch(tmp_path, 'download/a/b-00002/1-2.dcm', 'download/a/c/1-1.dcm')
    table = tmp_path / 'download' / 'metadata.csv'
    table.write_text(f'Series UID,File Location\n{uid(2)},{location}\n{uid(1)},./gone/d\n')
    _, full, roi = find(tmp_path)
    assert (full, roi) == ([], ['download/a/b-00002/1-2.dcm'])


def test_another_file_named_metadata_is_no_obstacle(tmp_path):
    (tmp_path / 'metadata.csv').write_bytes(b'\xff\xfeid,text\n')
    assert scan(tmp_path).locations == {}


def test_links_are_followed_and_nothing_is_counted_twice(tmp_path):
    touch(tmp_path, f'disk/{uid(2)}/1-010.jpg')
    raw = tmp_path / 'raw'
    raw.mkdir()
    (raw / 'jpeg').symlink_to(tmp_path / 'disk')
    (tmp_path / 'disk' / 'again').symlink_to(raw)
    assert scan(raw).files[uid(2)] == [f'jpeg/{uid(2)}/1-010.jpg']


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataFileError, match='nowhere'):
        scan(tmp_path / 'nowhere')


def test_a_region_is_the_union_of_all_its_places(tmp_path):
    paths = [
        f'{CASE.name}/a/b/1-1.dcm',
        f'jpeg/{uid(2)}/1-010.jpg',
        f'dicom/{uid(1003)}/{uid(3)}/{uid(7)}.dcm',
        'renamed/1-2.dcm',
    ]
    touch(tmp_path, *paths)
    (tmp_path / 'metadata.csv').write_text(f'Series UID,File Location\n{uid(2)},./renamed\n')
    _, _, roi = find(tmp_path)
    assert sorted(roi) == sorted(paths)


def test_a_folder_of_several_series_tells_nothing(tmp_path):
    touch(tmp_path, 'flat/1.dcm', 'flat/2.dcm')
    lines = ''.join(f'{uid(number)},./flat\n' for number in (1, 2))
    (tmp_path / 'metadata.csv').write_text(f'Series UID,File Location\n{lines}')
    assert scan(tmp_path).locations == {}


def test_pictures_are_placed_by_their_own_names_too(tmp_path):
    paths = [f'{CASE.image_name}.png', f'all/{CASE.name}.png', f'all/{uid(3)}_1-010.jpg']
    touch(tmp_path, *paths)
    _, full, roi = find(tmp_path)
    assert (full, sorted(roi)) == (paths[:1], sorted(paths[1:]))


def test_the_innermost_name_counts(tmp_path):
    touch(tmp_path, f'{CASE.image_name}/{CASE.name}/1-1.dcm')
    _, full, roi = find(tmp_path)
    assert (full, len(roi)) == ([], 1)


def test_what_cannot_be_read_is_kept_in_mind(tmp_path):
    (tmp_path / 'gone.csv').symlink_to(tmp_path / 'nowhere')
    touch(tmp_path, 'part1.zip', 'part2.TAR', '._1-1.dcm')
    tree = scan(tmp_path)
    assert (tree.archives, len(tree.unreadable), tree.layouts.total()) == (2, 1, 0)
