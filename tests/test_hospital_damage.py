"""Nothing becomes "normal" by accident: each part of a good hospital is damaged in turn."""

import shutil
import unicodedata

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.folders import pair_folders
from mmseg_mammo.preparation.hospital.image import PixelOptions
from mmseg_mammo.preparation.hospital.prepare import Settings, prepare
from mmseg_mammo.preparation.hospital.table import read_hospital_table

SHAPE = (48, 32)
GAPS = Gaps(empty_mask='normal', patient_pattern='(P[0-9])')
HEAD = 'image,mask,patient_id,finding,pathology,annotated,density'
ROWS = (
    'images/P1.png,masks/P1_m.png,P1,mass,malignant,,2',
    'images/P2.png,masks/P2_m.png,P2,calcification,,,2',
    'images/P3.dcm,masks/P3_m.png,P3,,benign,,2',
    'images/P4.png,,P4,,,,2',
    'images/P5.png,,P5,,,no,2',
)


@pytest.fixture
def hospital(tmp_path, save_dicom):
    """Three images with a lesion, P4 without; in the table also P5, which nobody read."""
    pixels = np.random.default_rng(0).integers(50, 200, SHAPE).astype(np.uint8)
    for number in range(1, 6):
        if number != 3:
            write_png(tmp_path / f'h/images/P{number}.png', pixels + np.uint8(number))
    save_dicom(pixels.astype(np.uint16), 'h/images/P3.dcm', PatientID='P3')
    for number in range(1, 4):
        mask = np.zeros(SHAPE, np.uint8)
        mask[5 * number : 5 * number + 8, 4:20] = 255
        write_png(tmp_path / f'h/masks/P{number}_m.png', mask)
    (tmp_path / 'h/list.csv').write_text('\n'.join([HEAD, *ROWS, '']))
    return tmp_path / 'h'


def states(found, hospital):
    """Patient -> annotation of the index that bad rows do not stop; none if there is no index."""
    settings = Settings(hospital, 'ours', 'contour', PixelOptions(0), skip_bad=True)
    try:
        rows = prepare(*found(), hospital.parent / 'out', settings).rows
    except MammoError:
        return {}
    return {(row.patient_id, row.image): row.annotated for row in rows}


def normals_of_table(hospital):
    table = hospital / 'list.csv'
    got = states(lambda: read_hospital_table(table, hospital, {}, {}, GAPS), hospital)
    return sorted(patient for (patient, _), state in got.items() if state == 'normal')


def normals_of_folders(hospital, images='images', masks='masks'):
    (hospital / 'images/P5.png').unlink(missing_ok=True)
    folders = (hospital / images, hospital / masks, '_m', {}, GAPS)
    got = states(lambda: pair_folders(*folders), hospital)
    return sorted(patient for (patient, _), state in got.items() if state == 'normal')


def test_the_undamaged_hospital_has_one_normal_image(hospital):
    assert normals_of_table(hospital) == ['P4']
    assert normals_of_folders(hospital) == ['P4']


def test_the_code_of_mini_mias_for_normal_is_no_finding(hospital):
    table = hospital / 'list.csv'
    table.write_text(table.read_text().replace(',P4,,', ',P4,NORM,'))
    assert normals_of_table(hospital) == ['P4']


def empty(path):
    path.write_bytes(b'')


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def text(path):
    path.write_text('<html>Not found</html>')


def folder(path):
    path.unlink()
    path.mkdir()


def folder_with_text(path):
    folder(path)
    (path / 'readme.txt').touch()


def dangling(path):
    path.unlink()
    path.symlink_to('../not mounted/x.png')


def loop(path):
    path.unlink()
    path.symlink_to(path.name)


def other_size(path):
    path.unlink()
    write_png(path, np.eye(16, 40, dtype=np.uint8))


def all_lesion(path):
    path.unlink()
    write_png(path, np.full(SHAPE, 255, np.uint8))


def closed(path):
    path.chmod(0)


def renamed(name):
    def change(path):
        path.rename(path.with_name(name.format(path.stem, path.suffix, path.stem[:2])))

    change.__name__ = name
    return change


def into(place):
    def change(path):
        target = path.parents[1] / place
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)

    change.__name__ = place
    return change


DAMAGES = [empty, cut, text, folder, folder_with_text, dangling, loop, other_size, closed]
RENAMES = [
    renamed(name)
    for name in (
        *('{0}.bmp', '{0}.nii.gz', '{0}', '{0}{1}.part', '{0}{1}.zip', '{0}.xyz', '{0}.json'),
        *('{2}_M{1}', '{2}-m{1}', '{2}m{1}', 'm_{2}{1}', '{2}_m (1){1}', '{2}_m_a{1}', '{2}{1}'),
        *('{0} {1}', 'p{0}{1}', '{2}_mask{1}', 'other{1}', 'x{0}{1}'),
    )
]


@pytest.mark.parametrize('damage', [*DAMAGES, all_lesion, *RENAMES], ids=lambda f: f.__name__)
@pytest.mark.parametrize('part', ['images/P1.png', 'images/P3.dcm', 'masks/P2_m.png'])
@pytest.mark.parametrize('count', [normals_of_table, normals_of_folders])
def test_a_damaged_file_makes_no_normal_image(hospital, damage, part, count):
    damage(hospital / part)
    assert set(count(hospital)) <= {'P4'}


@pytest.mark.parametrize('part', ['masks/P1_m.png', 'masks/P2_m.png', 'masks/P3_m.png'])
def test_an_empty_mask_is_not_believed_where_the_table_tells_of_a_lesion(hospital, part):
    write_png(hospital / part, np.zeros(SHAPE, np.uint8))
    assert normals_of_table(hospital) == ['P4']


@pytest.mark.parametrize(
    'place', ['images/P1_m.png', 'images/sub/P1_m.png', 'images/P1_M.png', 'images/mask_m/P1_m.png']
)
def test_a_mask_among_the_images_makes_none(hospital, place):
    into(place)(hospital / 'masks/P1_m.png')
    assert set(normals_of_folders(hospital)) <= {'P4'}


@pytest.mark.parametrize(
    'cell',
    [
        *('', ' ', '\xa0', '-', 'N/A', '#N/A', 'nan', 'None', 'NULL', '0', 'masks', 'masks/'),
        *('masks/p2_m.png', 'masks\\P2.png', 'masks/P2_m.PNG', 'x' * 5000, '../masks/P2_m.png'),
        *('images/P2.png', './images/../images/P2.png', '"masks/P2_m.png\n"', '"\u200b"'),
    ],
)
def test_a_damaged_cell_of_masks_makes_none(hospital, cell):
    table = hospital / 'list.csv'
    table.write_text(table.read_text().replace('masks/P2_m.png', cell))
    assert set(normals_of_table(hospital)) <= {'P4'}


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        (HEAD, HEAD.replace('mask', 'roi')),
        (HEAD, HEAD.replace('mask', '')),
        (HEAD, HEAD.replace('mask,', 'mask,mask_b,')),
        (HEAD, HEAD.replace('image', 'IMAGE').replace('mask', 'Mask')),
        (HEAD, HEAD + ',mask file'),
        (HEAD, HEAD.replace(',density', '')),
        (ROWS[1], 'images/P2.png'),
        (ROWS[1], 'images/P2.png,'),
        (ROWS[1], 'images/P2.png,,P2,,'),
        (ROWS[1], ROWS[1].replace(',', ';')),
        (ROWS[1], '"' + ROWS[1]),
        (ROWS[1], ROWS[1] + '\n./images/P2.png,,P2,,,,2'),
        (ROWS[1], ROWS[1] + '\n{root}/images/P2.png,,P2,,,,2'),
        (ROWS[1], 'images/../images/P2.png,,P2,,,,2\n' + ROWS[1]),
        (ROWS[1], ROWS[1] + '\nimages/P2.png,,P2,,,normal,2'),
        (ROWS[1], ROWS[1].replace(',,,2', ',,normal,2')),
        (ROWS[1], ROWS[1].replace('masks/P2_m.png', '')),
        (ROWS[2], ROWS[2].replace('masks/P3_m.png', '')),
        (ROWS[4], ROWS[4].replace(',no,', ',nobody,')),
    ],
)
def test_a_damaged_table_makes_none(hospital, old, new):
    table = hospital / 'list.csv'
    changed = table.read_text().replace(old, new.format(root=hospital))
    assert changed != table.read_text()
    table.write_text(changed)
    assert set(normals_of_table(hospital)) <= {'P4'}


def test_a_second_mask_under_a_name_that_is_not_read_makes_none(hospital):
    lines = [HEAD.replace('mask,', 'mask,mask left,')]
    lines += [row.replace(',,P', ',,,P') for row in ROWS]
    lines += ['images/P6.png,,masks/P1_m.png,P6,,,,2']
    shutil.copy(hospital / 'images/P1.png', hospital / 'images/P6.png')
    lines = [line if line.count(',') == 7 else line.replace(',P', ',,P', 1) for line in lines]
    (hospital / 'list.csv').write_text('\n'.join(lines))
    assert normals_of_table(hospital) == ['P4']


def test_a_link_to_a_disk_that_is_not_there_makes_none(hospital):
    (hospital / 'masks/P2_m.png').unlink()
    (hospital / 'masks/batch2').symlink_to('../not mounted')
    assert normals_of_folders(hospital) == []


def test_a_linked_folder_of_masks_is_read(hospital):
    (hospital / 'disk').mkdir()
    into('disk/P2_m.png')(hospital / 'masks/P2_m.png')
    (hospital / 'masks/batch2').symlink_to('../disk')
    (hospital / 'disk/back').symlink_to(hospital)
    assert normals_of_folders(hospital) == ['P4']


def test_a_link_to_an_image_makes_no_second_one(hospital):
    (hospital / 'images/latest.png').symlink_to('P2.png')
    (hospital / 'images/P7.png').symlink_to(hospital / 'images/P1.png')
    assert set(normals_of_folders(hospital)) <= {'P4'}


@pytest.mark.parametrize('count', [normals_of_table, normals_of_folders])
def test_letters_composed_in_two_ways_are_one_name(hospital, count):
    two = [unicodedata.normalize(form, 'Süß P2') for form in ('NFC', 'NFD')]
    (hospital / 'images/P2.png').rename(hospital / f'images/{two[0]}.png')
    (hospital / 'masks/P2_m.png').rename(hospital / f'masks/{two[1]}_m.png')
    table = hospital / 'list.csv'
    text = table.read_text().replace('images/P2', f'images/{two[1]}')
    table.write_text(text.replace('masks/P2', f'masks/{two[0]}'))
    assert count(hospital) == ['P4']
    assert len(list((hospital.parent / 'out/masks').iterdir())) == 3


def test_several_masks_of_an_image_are_no_images(hospital):
    shutil.copytree(hospital / 'masks', hospital / 'images', dirs_exist_ok=True)
    for number, source in ((1, 2), (2, 3)):
        shutil.copy(hospital / f'masks/P{source}_m.png', hospital / f'images/P1_m_{number}.png')
    assert normals_of_folders(hospital, 'images', 'images') == ['P4']
    assert len(list((hospital.parent / 'out/images').iterdir())) == 4


@pytest.mark.parametrize('name', ['P1_M', 'P1-m', 'm P1', 'P1_m (1)', 'P1_m_left'])
def test_an_image_named_like_the_mask_of_another_is_refused(hospital, name):
    shutil.copytree(hospital / 'masks', hospital / 'images', dirs_exist_ok=True)
    shutil.copy(hospital / 'masks/P1_m.png', hospital / f'images/{name}.png')
    folders = (hospital / 'images', hospital / 'images', '_m', {}, GAPS)
    with pytest.raises(MammoError, match=r'(?s)named like the mask of another image.*of P1'):
        pair_folders(*folders)
