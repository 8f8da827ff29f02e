"""The mammogram of a phantom in the files of many vendors: the same picture, or one clear line."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from vendor_files import FOR_PROCESSING, LEVELS, TOP, WHITE
from vendor_matrix import PICTURES, REFUSALS, write

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import read_dicom
from mmseg_mammo.io.spacing import spacing_at_breast

WANTED = LEVELS * (TOP / WHITE)


def ends_of(dataset, white):
    """The two values that pydicom's output spans: of a table its bits, else those
    of the window, else of what is stored.
    """
    if 'VOILUTSequence' in dataset:
        return 0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    if 'WindowCenter' in dataset:
        return apply_voi_lut(np.array([-1e9, 1e9]), dataset)
    return 0, white


@pytest.mark.parametrize('name', PICTURES)
def test_every_kind_of_file_shows_the_mammogram(name, tmp_path):
    case = PICTURES[name]
    levels = read_dicom(write(case, name, tmp_path))[0] * (TOP / case.white)
    assert np.abs(levels - WANTED).max() <= case.tolerance


@pytest.mark.parametrize('name', [name for name, case in PICTURES.items() if case.outside])
def test_pydicoms_own_functions_show_it_too(name, tmp_path):
    case = PICTURES[name]
    dataset = pydicom.dcmread(write(case, name, tmp_path), force=True)
    if 'TransferSyntaxUID' not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = case.make().file_meta.TransferSyntaxUID
    with np.errstate(over='ignore'):  # the exponential of SIGMOID
        shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
        low, high = ends_of(dataset, case.white)
    levels = (shown - low) * (TOP / (high - low))
    if dataset.PhotometricInterpretation == 'MONOCHROME1':
        levels = TOP - levels
    assert np.abs(levels - WANTED).max() <= case.tolerance


@pytest.mark.parametrize('name', REFUSALS)
def test_what_is_no_mammogram_for_presentation_ends_in_one_line(name, tmp_path):
    path = write(REFUSALS[name], name, tmp_path)
    with pytest.raises(DataFileError, match=REFUSALS[name].says) as caught:
        read_dicom(path)
    assert str(caught.value).startswith(f'{path}: ')
    assert len(str(caught.value).splitlines()) == 1


def test_the_matrix_has_what_hospitals_have():
    datasets = [case.make() for case in PICTURES.values()]
    assert len({dataset.file_meta.TransferSyntaxUID for dataset in datasets}) == 14
    assert {dataset.get('VOILUTFunction') for dataset in datasets} >= {'SIGMOID', 'LINEAR_EXACT'}
    bits = {d.VOILUTSequence[0].LUTDescriptor[2] for d in datasets if 'VOILUTSequence' in d}
    assert bits == {8, 10, 12, 16}
    assert {case.make().SOPClassUID for case in REFUSALS.values()} >= {FOR_PROCESSING}


def test_imager_spacing_alone_is_the_size_of_a_pixel(tmp_path):
    name = 'imager pixel spacing only'
    info = read_dicom(write(PICTURES[name], name, tmp_path))[1]
    assert (info.pixel_spacing, info.imager_pixel_spacing) == (None, (0.07, 0.07))
    assert spacing_at_breast(None, info.imager_pixel_spacing, None) == (0.07, 0.07)


@pytest.mark.parametrize(
    ('name', 'note'),
    [
        ('no preamble', 'no DICOM preamble'),
        ('no meta group, implicit', 'read as Implicit VR Little Endian'),
        ('MONOCHROME1 by its shape alone', 'MONOCHROME1 by Presentation LUT Shape'),
        ('MONOCHROME2, shape INVERSE', 'contradicts MONOCHROME2'),
        ('MONOCHROME1, shape IDENTITY', 'contradicts MONOCHROME1'),
    ],
)
def test_what_was_guessed_is_noted(name, note, tmp_path):
    assert note in '; '.join(read_dicom(write(PICTURES[name], name, tmp_path))[1].notes)
