"""Names of a run's files, and its tables read back."""

import numpy as np
import pytest
from runs import make_runs

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io import run_folder
from mmseg_mammo.io.run_folder import Records, picture_names, read_curves, read_records

COLUMNS = ('source', 'patient_id', 'key', 'truth_pixels')


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'per_image_test.csv'
        path.write_text(text, encoding='utf-8')
        return path

    return write


def test_text_stays_text_numbers_are_float_and_an_empty_cell_is_nan(write):
    path = write('source,patient_id,key,truth_pixels,dice\nzgt,007,1e3,12,\nzgt,,k,0,0.5\n')
    found = read_records(path, COLUMNS)
    assert len(found) == 2
    assert found['patient_id'].tolist() == ['007', '']
    assert found['key'].tolist() == ['1e3', 'k']
    theirs = np.genfromtxt(path, delimiter=',', names=True)
    for name in ('truth_pixels', 'dice'):
        assert found[name].dtype == float
        np.testing.assert_array_equal(found[name], theirs[name])
    assert 'dice' in found
    assert 'iou' not in found


def test_an_empty_table_has_its_columns(write):
    found = read_records(write('source,patient_id,key,truth_pixels\n'), COLUMNS)
    assert len(found) == 0
    assert set(found.columns) == set(COLUMNS)
    assert found['truth_pixels'].dtype == float


def test_text_where_a_number_is_needed_is_an_error_and_in_an_unknown_column_it_is_text(write):
    found = read_records(write('key,truth_pixels,notes\na,1,x\n'), ('key', 'truth_pixels'))
    assert found['notes'].tolist() == ['x']
    path = write('key,truth_pixels\na,many\n')
    with pytest.raises(
        DataFileError, match=r"test\.csv: truth_pixels: .*'many'.*numbers.*Test again"
    ):
        read_records(path, ('key', 'truth_pixels'))


def test_a_missing_table_and_a_missing_column_say_to_test_again(write, tmp_path):
    with pytest.raises(DataFileError, match=rf'{tmp_path.name}: missing lesions\.csv.*Test again'):
        read_records(tmp_path / 'lesions.csv', ('key',))
    with pytest.raises(DataIndexError, match=r'missing column key.*Test again'):
        read_records(write('name\na\n'), ('key',))


def test_patients_of_two_hospitals_are_told_apart():
    columns = {'source': np.array(['a', 'b', 'a']), 'patient_id': np.array(['1', '1', '2'])}
    assert Records(columns).patients.tolist() == ['a/1', 'b/1', 'a/2']


def test_no_images_have_no_patients():
    """As of the images with a lesion of a test of normal images alone."""
    assert Records({name: np.array([], str) for name in COLUMNS}).patients.tolist() == []


def test_cuts_are_of_the_patients_of_their_images():
    sources = ['a', 'a, lesion-free crops', 'b, lesion-free sides']
    columns = {'source': np.array(sources), 'patient_id': np.array(['1', '1', '1'])}
    assert Records(columns).patients.tolist() == ['a/1', 'a/1', 'b/1']


@pytest.mark.parametrize('chosen', [np.array([False, True, True]), np.array([1, 2])])
def test_lines_are_chosen_by_truth_or_by_index(chosen):
    records = Records({'key': np.array(['a', 'b', 'c']), 'dice': np.array([0.1, 0.2, 0.3])})
    found = records.where(chosen)
    assert (found['key'].tolist(), found['dice'].tolist()) == (['b', 'c'], [0.2, 0.3])


def test_the_viewer_has_three_files_an_image():
    assert picture_names('k') == ('k.jpg', 'k_truth.png', 'k_predicted.png')


def test_names_and_columns_are_those_of_runs_that_lie_on_disks(tmp_path):
    """A made run writes them as literals, without the package; so do docs/evaluation.md and readers."""
    make_runs(tmp_path, ['unet'], images=2)
    work_dir = tmp_path / 'unet_cbis'
    training, test = (work_dir / f'2026010{day}_000000' for day in (1, 2))
    for folder, names in (
        (training, (run_folder.RUN, run_folder.VALIDATION, run_folder.CURVES)),
        (test, (run_folder.RUN, run_folder.SUMMARY, run_folder.IMAGES, run_folder.LESIONS)),
    ):
        assert [name for name in names if not (folder / name).is_file()] == []
    for name, columns in (
        (run_folder.IMAGES, run_folder.TEST_COLUMNS),
        (run_folder.LESIONS, run_folder.LESION_TEST_COLUMNS),
    ):
        assert set(columns) <= set(read_records(test / name, ()).columns)
    assert set(run_folder.RECORD_COLUMNS) <= set(
        read_records(training / run_folder.VALIDATION, ()).columns
    )
    lesions = (test / run_folder.LESIONS).read_text().splitlines()[0]
    # Runs of earlier versions have no sizes in mm.
    older = [name for name in run_folder.LESION_COLUMNS if name not in run_folder.SIZE_COLUMNS]
    assert lesions == ','.join(older)
    assert (*older, 'area_mm2', 'longest_diameter_mm') == run_folder.LESION_COLUMNS
    key = read_records(test / run_folder.IMAGES, ())['key'][0]
    pictures = {path.name for path in (test / run_folder.VIEWER).iterdir()}
    assert set(picture_names(key)) & pictures
    assert (run_folder.OVERLAYS, run_folder.VALIDATION_LESIONS) == ('overlays', 'lesions_val.csv')
    assert run_folder.DIFFERENCES == 'input_differs_from_training'


def test_half_a_line_at_the_end_of_the_curves_is_of_a_killed_run(tmp_path):
    path = tmp_path / 'scalars.json'
    assert read_curves(path) == []
    path.write_text('{"iou": 1.0, "step": 1}\n{"iou": 2.0, "step": 2}')
    assert [line['iou'] for line in read_curves(path)] == [1.0, 2.0]
    path.write_text('{"iou": 1.0, "step": 1}\n{"iou": 2')
    assert [line['iou'] for line in read_curves(path)] == [1.0]
    path.write_text('{"iou": 1\n{"iou": 2.0, "step": 2}\n')
    with pytest.raises(DataFileError, match=r'scalars\.json, line 1: not JSON'):
        read_curves(path)
