"""Objects of an archive that are no mammogram are refused by what they are."""

from pathlib import Path

import pytest
from segmentations import film

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.kind import check_mammogram, check_one_frame, other_object

PATH = Path('a.dcm')


def test_a_mammogram_passes():
    for photometric in ('MONOCHROME1', 'MONOCHROME2'):
        check_mammogram(film(), photometric, PATH)


@pytest.mark.parametrize(
    ('tags', 'photometric', 'said'),
    [
        ({'SOPClassUID': '1.2.840.10008.5.1.4.1.1.66.4'}, 'MONOCHROME2', 'a DICOM segmentation'),
        ({'SOPClassUID': '1.2.840.10008.5.1.4.1.1.66.7'}, 'MONOCHROME2', 'a DICOM segmentation'),
        ({'NumberOfFrames': 3}, 'MONOCHROME2', r'3 frame\(s\) of MONOCHROME2'),
        ({'SamplesPerPixel': 3}, 'RGB', r'1 frame\(s\) of RGB'),
        ({}, 'PALETTE COLOR', 'Photometric Interpretation PALETTE COLOR'),
        ({}, '', 'Photometric Interpretation is missing'),
        ({'PresentationIntentType': 'FOR PROCESSING'}, 'MONOCHROME2', 'raw detector data'),
    ],
)
def test_other_objects_are_refused(tags, photometric, said):
    with pytest.raises(DataFileError, match=rf'^a\.dcm: {said}.* Allowed: '):
        check_mammogram(film(**tags), photometric, PATH)


def test_a_mask_may_be_a_segmentation_of_one_frame():
    seg = film(SOPClassUID='1.2.840.10008.5.1.4.1.1.66.4')
    check_one_frame(seg, 'MONOCHROME2', PATH)
    seg.NumberOfFrames = 2
    with pytest.raises(DataFileError, match=r'2 frame\(s\)'):
        check_one_frame(seg, 'MONOCHROME2', PATH)


def test_objects_without_pixels_are_called_by_their_name():
    report = film(SOPClassUID='1.2.840.10008.5.1.4.1.1.88.50')
    assert other_object(report) == 'a DICOM object of the kind Mammography CAD SR'
    for uid in ('1.2.840.10008.5.1.4.1.1.1.2', '1.2.3.4', ''):  # an image, unknown ones
        assert other_object(film(SOPClassUID=uid)) == ''
