import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.images_alone import list_images

GREY = np.arange(48, dtype=np.uint8).reshape(8, 6)
GAPS = Gaps(patient_pattern='(P.)')


@pytest.fixture
def images(tmp_path):
    for name in ('sub/P1_cc.png', 'P2_cc.png'):
        write_png(tmp_path / 'images' / name, GREY)
    (tmp_path / 'images/readme.txt').touch()
    return tmp_path / 'images'


def test_every_image_is_one_that_nobody_looked_at(images):
    entries, problems = list_images(images, {'view': 'CC', 'annotated': ''}, GAPS)
    assert not problems
    told = [(e.relative, e.patient_id, e.view, e.annotated, e.mask) for e in entries]
    assert told == [
        ('P2_cc.png', 'P2', 'CC', 'no', None),
        ('sub/P1_cc.png', 'P1', 'CC', 'no', None),
    ]


def test_a_file_that_may_be_an_image_is_a_bad_row(images):
    (images / 'P3_cc.heic').write_bytes(b'\0\0\0\x18ftypheic')
    entries, (problem,) = list_images(images, {}, GAPS)
    assert len(entries) == 2
    assert str(problem) == (
        'P3_cc.heic: it is a file of HEIC, not PNG, JPEG, TIFF, BMP, PGM or DICOM'
    )


@pytest.mark.parametrize(('name', 'value'), [('viw', 'CC'), ('view', 'XX'), ('source', 'us')])
def test_a_value_for_all_images_that_none_could_have_stops(images, name, value):
    with pytest.raises(MammoError, match=f'{name}.*Allowed'):
        list_images(images, {name: value}, GAPS)


def test_a_suffix_chooses_the_images(images):
    write_png(images / 'P4_FULL.png', GREY)
    entries, _ = list_images(images, {}, GAPS, '_FULL')
    assert [entry.patient_id for entry in entries] == ['P4']
    with pytest.raises(MammoError, match=r"no image whose name ends with '_RAW'"):
        list_images(images, {}, GAPS, '_RAW')


def test_masks_among_them_are_not_taken_for_images(images):
    write_png(images / 'P2_cc_mask.png', GREY)
    with pytest.raises(MammoError, match=r'P2_cc_mask of P2_cc.*--mask-suffix'):
        list_images(images, {}, GAPS)


@pytest.mark.parametrize('name', ['annotated', 'mask', 'finding', 'pathology'])
def test_nothing_can_be_said_of_what_nobody_looked_at(images, name):
    with pytest.raises(MammoError, match=rf'--set {name}=normal of images that are --not-annot'):
        list_images(images, {name: 'normal'}, GAPS)
