import numpy as np

from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.dicom_facts import OF_DICOM, dicom_facts, with_dicom_facts

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)
FACTS = {
    'study_uid': '1.2.3',
    'series_uid': '1.2.4',
    'sop_uid': '1.2.5',
    'pixel_spacing': '0.05 0.06',
    'imager_pixel_spacing': '0.0700001 0.07',
    'magnification': '1.05',
}


def dicom(save_dicom):
    return save_dicom(
        PIXELS,
        PatientName='Somebody',
        StudyInstanceUID='1.2.3',
        SeriesInstanceUID='1.2.4',
        SOPInstanceUID='1.2.5',
        PixelSpacing=[0.05, 0.06],
        ImagerPixelSpacing=['0.0700001', '0.07'],
        EstimatedRadiographicMagnificationFactor='1.0500',
    )


def test_the_optional_columns_come_from_the_header(save_dicom):
    assert dicom_facts(dicom(save_dicom)) == FACTS


def test_a_picture_tells_nothing(tmp_path):
    write_png(tmp_path / 'a.png', PIXELS)
    assert dicom_facts(tmp_path / 'a.png') == dict.fromkeys(OF_DICOM, '')


def test_a_record_of_an_earlier_version_is_completed_and_one_of_this_is_kept(save_dicom):
    path = dicom(save_dicom)
    assert with_dicom_facts({'image': 'i'}, path) == {'image': 'i', **FACTS}
    other = {'image': 'i', **dict.fromkeys(OF_DICOM, '')}
    assert with_dicom_facts(other, path.with_name('gone.dcm')) == other
