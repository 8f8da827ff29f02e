import cv2
import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.folders import pair_folders

ZERO = np.zeros((8, 6), np.uint8)
GAPS = Gaps(empty_mask='normal', patient_pattern='^(?:[a-z]+/)?([^_]+)_')
GAPS_OF_FOLDER = Gaps(empty_mask='normal', patient_pattern='^(P.)/')


@pytest.fixture
def folders(tmp_path):
    for name in ('images/sub/P1_cc.png', 'images/P2_cc.png', 'masks/P1_cc.png'):
        write_png(tmp_path / name, ZERO)
    (tmp_path / 'images/readme.txt').touch()
    return tmp_path / 'images', tmp_path / 'masks'


def test_masks_are_matched_by_stem_whatever_their_folder(folders):
    entries, problems = pair_folders(*folders, '', {'split': 'val'}, GAPS)
    assert not problems
    found = [(e.relative, e.patient_id, e.mask and e.mask.name, e.annotated) for e in entries]
    assert found == [
        ('P2_cc.png', 'P2', None, 'normal'),
        ('sub/P1_cc.png', 'P1', 'P1_cc.png', ''),
    ]
    assert {entry.split for entry in entries} == {'val'}


def test_an_image_without_mask_needs_a_meaning(folders):
    entries, problems = pair_folders(*folders, '', {}, Gaps(patient_pattern='(P.)'))
    assert [entry.patient_id for entry in entries] == ['P1']
    assert 'P2_cc.png: no mask' in str(problems[0])


def test_a_suffix_lets_both_live_in_one_folder(tmp_path):
    for name in ('P1_cc.png', 'P1_cc_mask.png', 'P2_cc.png'):
        write_png(tmp_path / name, ZERO)
    entries, problems = pair_folders(tmp_path, tmp_path, '_mask', {}, GAPS)
    assert not problems
    assert [entry.mask and entry.mask.name for entry in entries] == ['P1_cc_mask.png', None]
    with pytest.raises(MammoError, match='--mask-suffix'):
        pair_folders(tmp_path, tmp_path, '', {}, GAPS)


def test_a_mask_without_image_stops_and_the_remedy_is_its_name(folders):
    write_png(folders[1] / 'P2_CC.png', ZERO)  # the mask of P2_cc.png, misspelt
    with pytest.raises(MammoError, match=r'(?s)1 masks that no image has.*P2_CC\.png') as caught:
        pair_folders(*folders, '', {}, GAPS)
    assert '--image-suffix' in str(caught.value)
    assert '--mask-suffix' in str(caught.value)
    assert '--skip-bad' not in str(caught.value)
    assert '--empty-mask-means' not in str(caught.value)


def test_a_mask_that_lacks_the_suffix_of_the_others_stops_too(tmp_path):
    for name in ('images/P1_cc.png', 'images/P2_cc.png', 'masks/P1_cc_m.png', 'masks/P2_cc.png'):
        write_png(tmp_path / name, ZERO)
    with pytest.raises(MammoError, match=r'(?s)1 masks that no image has.*\n  P2_cc\.png'):
        pair_folders(tmp_path / 'images', tmp_path / 'masks', '_m', {}, GAPS)


@pytest.mark.parametrize('folders', [('all', 'all'), ('images', 'masks')])
def test_both_suffixes_pair_and_other_files_are_no_images(tmp_path, folders):
    images, masks = (tmp_path / name for name in folders)
    for path in (images / 'P1_cc_FULL.png', masks / 'P1_cc_MASK.png', images / 'P1_cc_CROP.png'):
        write_png(path, ZERO)
    (entry,), problems = pair_folders(images, masks, '_MASK', {}, GAPS, '_FULL')
    assert not problems
    assert (entry.relative, entry.mask.name) == ('P1_cc_FULL.png', 'P1_cc_MASK.png')
    with pytest.raises(MammoError, match='1 masks that no image has'):
        pair_folders(images, masks, '_MASK', {}, GAPS)


def test_two_masks_of_one_stem_are_not_guessed_from(folders):
    write_png(folders[1] / 'reader2/P1_cc.png', ZERO)
    entries, problems = pair_folders(*folders, '', {}, GAPS)
    assert [entry.relative for entry in entries] == ['P2_cc.png']
    assert 'several masks: P1_cc.png, reader2/P1_cc.png' in str(problems[0])


def test_dicom_without_suffix_is_found_and_names_its_patient(tmp_path, save_dicom):
    save_dicom(ZERO, 'images/IM0001', PatientID='D1')
    write_png(tmp_path / 'masks/IM0001.png', ZERO)
    (entry,), problems = pair_folders(tmp_path / 'images', tmp_path / 'masks', '', {}, Gaps())
    assert not problems
    assert (entry.patient_id, entry.mask.name) == ('D1', 'IM0001.png')


def test_missing_and_empty_folders_are_refused(tmp_path, folders):
    (tmp_path / 'empty').mkdir()
    for wrong, message in (('empty', 'no image in it'), ('absent', 'no such folder')):
        with pytest.raises(MammoError, match=message):
            pair_folders(tmp_path / wrong, folders[1], '', {}, GAPS)


def pairs(found):
    entries, problems = found
    assert not problems
    return [(entry.relative, entry.mask and entry.mask.name) for entry in entries]


def test_regions_are_one_image_with_or_without_the_first_of_them(tmp_path):
    for name in ('P1_a', 'P1_a_mask', 'P1_a_mask_1', 'P2_a', 'P2_a_mask_1', 'P2_a_mask_10', 'P3_a'):
        write_png(tmp_path / f'{name}.png', ZERO)
    assert pairs(pair_folders(tmp_path, tmp_path, '_mask', {}, GAPS)) == [
        ('P1_a.png', 'P1_a_mask.png'),
        ('P1_a.png', 'P1_a_mask_1.png'),
        ('P2_a.png', 'P2_a_mask_1.png'),
        ('P2_a.png', 'P2_a_mask_10.png'),
        ('P3_a.png', None),
    ]


def test_uids_without_suffix_are_whole_names(tmp_path, save_dicom):
    for number in (4711, 4712):
        save_dicom(ZERO, f'images/P1/1.2.840.{number}', PatientID='D1')
    write_png(tmp_path / 'masks/1.2.840.4712.png', ZERO)
    found = pair_folders(tmp_path / 'images', tmp_path / 'masks', '', {}, GAPS_OF_FOLDER)
    assert pairs(found) == [('P1/1.2.840.4711', None), ('P1/1.2.840.4712', '1.2.840.4712.png')]


def test_equal_stems_in_several_folders_go_by_their_folders(tmp_path):
    for name in ('images/P1/cc', 'images/P2/cc', 'masks/P2/cc'):
        write_png(tmp_path / f'{name}.png', ZERO)
    folders = (tmp_path / 'images', tmp_path / 'masks')
    found = pair_folders(*folders, '', {}, GAPS_OF_FOLDER)
    masks = [(entry.relative, entry.mask) for entry in found[0]]
    assert masks == [('P1/cc.png', None), ('P2/cc.png', tmp_path / 'masks/P2/cc.png')]
    write_png(tmp_path / 'masks/cc.png', ZERO)  # whose?
    entries, problems = pair_folders(*folders, '', {}, GAPS_OF_FOLDER)
    assert not entries
    assert 'several images have this name: P1/cc.png, P2/cc.png; which' in str(problems[0])


def test_two_kinds_of_file_of_one_name_do_not_share_a_mask(folders):
    write_png(folders[0] / 'sub/P1_cc.tif', ZERO)
    entries, problems = pair_folders(*folders, '', {}, GAPS)
    assert [entry.relative for entry in entries] == ['P2_cc.png']
    assert [problem.place for problem in problems] == ['sub/P1_cc.png', 'sub/P1_cc.tif']


def test_hidden_files_and_those_of_systems_are_none(folders):
    for folder in folders:
        for name in ('._P1_cc.png', '.DS_Store', 'Thumbs.db', 'desktop.ini', 'DICOMDIR', 'README'):
            (folder / name).write_bytes(b'x')
        for name in ('__MACOSX/P1_cc.png', '.thumbnails/P1_cc.png', '@eaDir/P1_cc.png/THUMB.png'):
            write_png(folder / name, ZERO)
    found = pair_folders(*folders, '', {}, GAPS)
    assert pairs(found) == [('P2_cc.png', None), ('sub/P1_cc.png', 'P1_cc.png')]


def test_folders_may_hold_every_kind_of_file_that_a_table_may_name(folders):
    for path in (folders[0] / 'P2_cc.png', folders[1] / 'P1_cc.png'):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        path.unlink()
        cv2.imwrite(str(path.with_suffix('.bmp')), image)
    found = pair_folders(*folders, '', {}, GAPS)
    assert pairs(found) == [('P2_cc.bmp', None), ('sub/P1_cc.png', 'P1_cc.bmp')]


def test_an_image_of_an_unknown_kind_is_a_bad_row(folders):
    (folders[0] / 'P3_cc.gif').write_bytes(b'GIF')
    (folders[0] / 'P5_cc.nii').write_bytes(b'\\\1' + bytes(342) + b'n+1\0')
    (folders[0] / 'P4_cc.png').symlink_to('unmounted/P4_cc.png')
    _, problems = pair_folders(*folders, '', {}, GAPS)
    assert [problem.place for problem in problems] == ['P3_cc.gif', 'P4_cc.png', 'P5_cc.nii']
    assert str(problems[0]).startswith('P3_cc.gif: it is of another format, whatever its name')
    assert str(problems[2]).startswith('P5_cc.nii: it is a NIfTI file, not PNG')
    assert 'is a link to unmounted/P4_cc.png, which does not exist' in str(problems[1])


@pytest.mark.parametrize('name', ['P2_cc.gif', 'P2_cc.nii.gz', 'P2_cc.json', 'P2_cc', 'P2_cc.png'])
def test_what_has_the_name_of_a_mask_and_is_none_spoils_its_image(folders, name):
    path = folders[1] / name
    path.symlink_to('gone') if name.endswith('png') else path.write_bytes(b'x')
    entries, problems = pair_folders(*folders, '', {}, GAPS)
    assert [entry.relative for entry in entries] == ['sub/P1_cc.png']
    assert f'P2_cc.png: {path} has the name of its mask, but it is' in str(problems[0])


@pytest.mark.parametrize('name', ['P9.gif', 'masks.zip', 'batch2'])
def test_a_file_among_masks_that_nobody_understands_stops(folders, name):
    (folders[1] / name).symlink_to('unmounted')
    with pytest.raises(MammoError, match=rf'(?s)1 masks that no image has.*{name}'):
        pair_folders(*folders, '', {}, GAPS)


def test_a_folder_of_masks_may_lie_in_that_of_images_and_a_prepared_folder_too(folders):
    images, masks = folders
    masks.rename(images / 'drawn')
    write_png(images / 'out/images/P1_cc.png', ZERO)
    write_png(images / 'out/masks/P1_cc.png', ZERO)
    (images / 'out/preparation.json').write_text('{}')
    found = pair_folders(images, images / 'drawn', '', {}, GAPS)
    assert pairs(found) == [('P2_cc.png', None), ('sub/P1_cc.png', 'P1_cc.png')]


def test_images_may_lie_in_a_folder_of_the_masks(tmp_path):
    for name in ('data/images/P1_cc.png', 'data/images/P2_cc.png', 'data/P1_cc.png'):
        write_png(tmp_path / name, ZERO)
    found = pair_folders(tmp_path / 'data/images', tmp_path / 'data', '', {}, GAPS)
    assert [(e.relative, e.mask) for e in found[0]] == [
        ('P1_cc.png', tmp_path / 'data/P1_cc.png'),
        ('P2_cc.png', None),
    ]


def test_copies_of_masks_among_the_images_matter_where_a_mask_is_missing(tmp_path):
    images, masks = tmp_path / 'images', tmp_path / 'masks'
    for path in (images / 'P1_a.png', images / 'P1_a_m.png', masks / 'P1_a_m.png'):
        write_png(path, ZERO)
    assert pairs(pair_folders(images, masks, '_m', {}, GAPS)) == [('P1_a.png', 'P1_a_m.png')]
    for name in ('P2_a.png', 'P2_a_m.png'):
        write_png(images / name, ZERO)
    _, problems = pair_folders(images, masks, '_m', {}, GAPS)
    assert 'P2_a_m.png has the name of its mask' in str(problems[0])
    write_png(images / 'P3_a_m.png', ZERO)
    with pytest.raises(MammoError, match=r'(?s)1 masks that no image has.*P3_a_m'):
        pair_folders(images, masks, '_m', {}, GAPS)


def test_one_folder_may_be_made_of_links(tmp_path):
    for name in ('disk/P1_a.png', 'disk/P1_a_m.png', 'disk/P2_a.png', 'all/P3_a.png'):
        write_png(tmp_path / name, ZERO)
    folder = tmp_path / 'all'
    (folder / 'batch').symlink_to('../disk')
    (tmp_path / 'link').symlink_to('all')
    for images in (folder, tmp_path / 'link'):
        found = pair_folders(images, folder, '_m', {}, Gaps('normal', patient_pattern='(P.)'))
        assert pairs(found) == [
            ('P3_a.png', None),
            ('batch/P1_a.png', 'P1_a_m.png'),
            ('batch/P2_a.png', None),
        ]
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/masks').symlink_to('../masks')
    for name in ('images/P1_a.png', 'masks/P1_a.png'):
        write_png(tmp_path / name, ZERO)
    assert pairs(pair_folders(tmp_path / 'images', tmp_path / 'masks', '', {}, GAPS)) == [
        ('P1_a.png', 'P1_a.png')
    ]


def test_a_value_for_all_images_that_none_could_have_stops(folders):
    with pytest.raises(MammoError, match=r"Column 'viw'\. Allowed: image, mask"):
        pair_folders(*folders, '', {'viw': 'CC'}, GAPS)
