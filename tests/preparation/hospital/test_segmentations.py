import shutil

import numpy as np
import pytest
from segmentations import film, lesion

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.image import write_png
from mmseg_mammo.phantoms.dicom import write_dicom
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.folders import pair_folders
from mmseg_mammo.preparation.hospital.segmentations import find_segmented

SHAPE = (60, 40)


@pytest.fixture
def export(tmp_path):
    """Two DICOM images and a PNG; a SEG of the first under an odd name, and a PNG mask."""
    images, masks = tmp_path / 'images', tmp_path / 'masks'
    masks.mkdir(parents=True)
    for name in ('a.dcm', 'b.dcm'):
        write_dicom(images / name, film(SHAPE))
    write_png(images / 'c.png', np.add.outer(np.arange(60), np.arange(40)).astype(np.uint8))
    write_png(masks / 'c.png', lesion(SHAPE).astype(np.uint8))
    write_segmentation(images / 'a.dcm', lesion(SHAPE), masks / '1.2.840.dcm', model='m')
    return images, masks


def test_uids_come_before_names(export):
    images, masks = export
    (masks / '1.2.840.dcm').rename(masks / 'b.dcm')  # the name of another image
    files = [masks / 'b.dcm', masks / 'c.png']
    found, left = find_segmented(files, sorted(images.iterdir()))
    assert found == {images / 'a.dcm': [masks / 'b.dcm']}
    assert left == [masks / 'c.png']


def test_a_folder_of_masks_may_hold_segmentations_of_any_name(export):
    gaps = Gaps(empty_mask='normal', patient_pattern='^(.)')
    entries, problems = pair_folders(*export, '', {}, gaps)
    assert not problems
    found = [(e.relative, e.mask and e.mask.name, e.annotated) for e in entries]
    assert found == [
        ('a.dcm', '1.2.840.dcm', ''),
        ('b.dcm', None, 'normal'),
        ('c.png', 'c.png', ''),
    ]


def test_a_segmentation_of_no_image_here_stops(export, tmp_path):
    images, masks = export
    write_dicom(tmp_path / 'z.dcm', film(SHAPE))
    write_segmentation(tmp_path / 'z.dcm', lesion(SHAPE), masks / 'z.dcm', model='m')
    with pytest.raises(MammoError, match=r'(?s)1 masks that no image has.*z\.dcm'):
        pair_folders(images, masks, '', {}, Gaps(empty_mask='normal', patient_pattern='^(.)'))
    shutil.move(masks / 'z.dcm', masks / 'b.dcm')  # by its name; refused when it is read
    entries, _ = pair_folders(images, masks, '', {}, Gaps(patient_pattern='^(.)'))
    assert [entry.relative for entry in entries] == ['a.dcm', 'b.dcm', 'c.png']
