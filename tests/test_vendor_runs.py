"""The vendor matrix in a preparation and in a prediction: pictures go through, the rest is listed."""

import csv
import re

import numpy as np
import pytest
from vendor_files import LEVELS, TOP, WHITE
from vendor_matrix import PICTURES, REFUSALS, write

from mmseg_mammo.inference.prediction_folder.image_files import Outputs
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.prediction_folder.run import predict_all
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_image
from mmseg_mammo.io.index import read_index
from mmseg_mammo.preparation.hospital.entry import Gaps
from mmseg_mammo.preparation.hospital.image import PixelOptions
from mmseg_mammo.preparation.hospital.prepare import Settings, prepare
from mmseg_mammo.preparation.hospital.table import read_hospital_table


@pytest.fixture(scope='module')
def matrix(tmp_path_factory):
    """A folder of every file of the matrix, and case → path."""
    folder = tmp_path_factory.mktemp('matrix')
    return folder, {
        name: write(case, name, folder) for name, case in {**PICTURES, **REFUSALS}.items()
    }


def test_a_preparation_has_every_picture_and_a_bad_row_for_each_refusal(matrix, tmp_path):
    folder, paths = matrix
    lines = [f'{path.name},P{n},train,normal' for n, path in enumerate(paths.values())]
    table = tmp_path / 'table.csv'
    table.write_text('\n'.join(['image,patient_id,split,annotated', *lines, '']))
    settings = Settings(table, 'ours', 'contour', PixelOptions(long_side=0), skip_bad=True)
    out = tmp_path / 'out'
    prepare(*read_hospital_table(table, folder, {}, {}, Gaps()), out, settings)
    rows = {row.patient_id: row for row in read_index(out / 'index.csv')}
    assert len(rows) == len(PICTURES)
    for number, case in enumerate(PICTURES.values()):
        levels = read_image(out / rows[f'P{number}'].image) * (TOP / case.white)
        assert np.abs(levels - LEVELS * (TOP / WHITE)).max() <= case.tolerance
    with (out / 'audit.csv').open(newline='') as stream:
        said = {row['image']: ' '.join(row.values()) for row in csv.DictReader(stream)}
    for name, case in REFUSALS.items():
        assert re.search(case.says, said[paths[name].name])


def test_a_prediction_has_every_picture_and_a_reason_for_each_refusal(matrix, unet, tmp_path):
    folder, paths = matrix
    inputs = find_inputs([folder], tmp_path)
    journal = Journal(tmp_path, 'part-0-of-1')
    try:
        predict_all(Predictor(unet, device='cpu'), inputs, tmp_path, journal, Outputs())
        found = {journal.line(key)['image']: journal.line(key) for key in journal.places}
    finally:
        journal.close()
    assert set(found) == {path.name for path in paths.values()}
    assert not [name for name in PICTURES if 'failed' in found[paths[name].name]]
    for name, case in REFUSALS.items():
        reason = found[paths[name].name]['failed']
        assert reason.startswith(f'{paths[name].name}: ')
        assert re.search(case.says, reason)
        assert len(reason.splitlines()) == 1


def test_a_model_gets_the_same_picture_of_every_kind_of_file(matrix, unet):
    predictor = Predictor(unet, device='cpu')
    plain = predictor.load(matrix[1]['window LINEAR']).data[0]['inputs'].float()
    for name, case in PICTURES.items():
        loaded = predictor.load(matrix[1][name])
        assert np.abs(loaded.image * (TOP / case.white) - LEVELS * (TOP / WHITE)).max() <= (
            case.tolerance
        )
        # Levels of 255; contrast equalisation makes much of a few.
        assert (loaded.data[0]['inputs'].float() - plain).abs().mean() <= 4
