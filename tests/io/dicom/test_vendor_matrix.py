"""The mammogram of a phantom in the files of many vendors: the same picture, or one clear line."""

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing
from vendor_files import LEVELS, TOP, WHITE
from vendor_matrix import PICTURES, REFUSALS, file_name

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.dicom.reader import read_dicom

WANTED = LEVELS * (TOP / WHITE)


@pytest.mark.parametrize('name', PICTURES)
def test_every_kind_of_file_shows_the_mammogram(name, tmp_path):
    case = PICTURES[name]
    path = case.write(case.make(), tmp_path / file_name(name))
    levels = read_dicom(path)[0] * (TOP / case.white)
    assert np.abs(levels - WANTED).max() <= case.tolerance


@pytest.mark.parametrize('name', [name for name, case in PICTURES.items() if case.outside])
def test_pydicoms_own_functions_show_it_too(name, tmp_path):
    case = PICTURES[name]
    path = case.write(case.make(), tmp_path / file_name(name))
    dataset = pydicom.dcmread(path, force=True)
    rescaled = apply_modality_lut(dataset.pixel_array, dataset)
