"""One run folder as Python values."""

import json
import shutil

import numpy as np
import pytest
from runs import make_runs

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.reporting.run_reader import read_test, read_training

NAMES = {f'{"cbis_ddsm":0<64}': 'CBIS'}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    models = ('unet', 'sam')
    return make_runs(tmp_path_factory.mktemp('runs'), models, images=8, sam=('sam',))


@pytest.fixture
def tested(made, tmp_path):
    """The folder of a test on CBIS-DDSM; to be changed."""
    return shutil.copytree(made / 'unet_cbis' / '20260102_000000', tmp_path / 'test')


@pytest.fixture
def trained(made, tmp_path):
    """The folder of a training of three epochs; to be changed."""
    return shutil.copytree(made / 'unet_cbis' / '20260101_000000', tmp_path / 'w' / '1')


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_test_has_its_files_as_values(tested):
    found = read_test(tested, 'U-Net', None, NAMES)
    assert (found.model, found.dataset, found.folder) == ('U-Net', 'CBIS', tested)
    assert read_test(tested, 'U-Net', None, {}).dataset == 'cbis_ddsm'
    assert found.run == json.loads((tested / 'run.json').read_text())
    assert found.summary == json.loads((tested / 'test.json').read_text())
    lines = (tested / 'per_image_test.csv').read_text().splitlines()
    assert len(found.images) == len(lines) - 1 == 8
    assert list(found.images.columns) == lines[0].split(',')
    rows = (tested / 'lesions_test.csv').read_text().splitlines()[1:]
    assert len(found.lesions) == len(rows)
    assert found.training is None


def test_a_test_that_looked_at_no_lesions_has_none(tested):
    path = tested / 'per_image_test.csv'
    path.write_text(path.read_text().replace(',true_lesions,', ',other,', 1))
    (tested / 'lesions_test.csv').unlink()
    assert read_test(tested, 'm', None, NAMES).lesions is None


@pytest.mark.parametrize(
    ('evaluator', 'size'),
    [({'eval_size': 224}, 224), ({'eval_size': None}, None), ({}, None), ([{}, {}], None)],
)
def test_the_grid_is_the_evaluators(evaluator, size, tested):
    change(tested / 'test.json', evaluator=evaluator)
    assert read_test(tested, 'm', None, NAMES).eval_size == size


@pytest.mark.parametrize(
    ('kind', 'origin', 'marks'),
    [
        ('contour', 'truth', ('prompts from the truth',)),
        ('phantom', 'given', ('phantom masks', 'prompts given')),
        ('weak', 'other', ('weak masks',)),
    ],
)
def test_marks_say_what_masks_and_prompts_are(kind, origin, marks, made, tmp_path):
    folder = shutil.copytree(made / 'sam_cbis' / '20260102_000000', tmp_path / 'sam')
    path = folder / 'per_image_test.csv'
    text = path.read_text()
    assert ',phantom,' in text
    assert ',truth,' in text
    path.write_text(text.replace(',phantom,', f',{kind},').replace(',truth,', f',{origin},'))
    assert read_test(folder, 'm', None, NAMES).marks == marks


def test_a_model_without_prompts_is_marked_by_its_masks_alone(tested):
    assert read_test(tested, 'm', None, NAMES).marks == ('phantom masks',)


@pytest.mark.parametrize(
    ('members', 'count'),
    [
        ([{'not_annotated': 5}], 5),
        ([{'not_annotated': 5}, {'not_annotated': 2}], 7),
        ([None], None),
    ],
)
def test_images_that_nobody_annotated_are_those_of_all_members(members, count, tested):
    data = json.loads((tested / 'run.json').read_text())['data']['test']
    parts = [data | ({'left_out': part} if part else {}) for part in members]
    both = {'type': 'ConcatDataset', 'split': 'test', 'members': parts}
    for described in (both, *(parts if len(parts) == 1 else ())):
        change(tested / 'run.json', data={'test': described})
        assert read_test(tested, 'm', None, NAMES).not_annotated == count


def test_all_files_that_are_missing_are_named_at_once(tested):
    for name in ('test.json', 'per_image_test.csv'):
        (tested / name).unlink()
    said = r'test: missing test\.json, per_image_test\.csv\. Test again'
    with pytest.raises(DataFileError, match=said):
        read_test(tested, 'm', None, NAMES)


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'error', 'said'),
    [
        ('run.json', '{', '', DataFileError, r'run\.json: not JSON'),
        ('per_image_test.csv', ',key,', ',name,', DataIndexError, 'missing column key'),
        ('per_image_test.csv', ',64,', ',tall,', DataFileError, "height: .*'tall'"),
        ('lesions_test.csv', ',score,', ',points,', DataIndexError, 'missing column score'),
    ],
)
def test_a_broken_file_is_named_with_what_to_do(name, old, new, error, said, tested):
    text = (tested / name).read_text()
    assert old in text
    (tested / name).write_text(text.replace(old, new, 1))
    with pytest.raises(error, match=rf'{said}.*Test again'):
        read_test(tested, 'm', None, NAMES)


def test_curves_are_in_the_order_of_the_runs_and_the_record_is_the_last(trained):
    second = shutil.copytree(trained, trained.with_name('2'))
    killed = trained.with_name('3')
    killed.mkdir()
    shutil.copy(trained / 'run.json', killed)
    change(killed / 'run.json', state='running')
    (second / 'vis_data' / 'scalars.json').write_text('{"iou": 1.0, "step": 4}\n')
    path = second / 'per_image_val.csv'
    path.write_text('\n'.join(path.read_text().splitlines()[:3]) + '\n')
    found = read_training([trained, second, killed], NAMES)
    assert (found.work_dir, found.dataset) == (trained.parent, 'CBIS')
    assert found.run['state'] == 'running'
    first = (trained / 'vis_data' / 'scalars.json').read_text().splitlines()
    assert list(found.curves) == [*map(json.loads, first), {'iou': 1.0, 'step': 4}]
    assert len(found.validation) == 2  # of the last run that has one
    alone = read_training([killed], NAMES)
    assert (alone.curves, alone.validation) == ((), None)


def test_validation_has_numbers(trained):
    found = read_training([trained], NAMES).validation
    assert found['truth_pixels'].dtype == float
    assert np.isfinite(found['max_probability']).all()


def test_a_line_of_the_curves_that_is_cut_is_named(trained):
    path = trained / 'vis_data' / 'scalars.json'
    path.write_text('{"step": 1}\n{"step": 2\n{"step": 3}\n')
    with pytest.raises(DataFileError, match=r'scalars\.json, line 2: not JSON'):
        read_training([trained], NAMES)
