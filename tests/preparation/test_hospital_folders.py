import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.hospital_folders import pair_folders
from mmseg_mammo.preparation.hospital_table import Gaps
from mmseg_mammo.preparation.images import write_png

ZERO = np.zeros((8, 6), np.uint8)
GAPS = Gaps(empty_mask='normal', patient_pattern='^(?:[a-z]+/)?([^_]+)_')


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
